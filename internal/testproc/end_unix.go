//go:build unix

package testproc

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// endWithTest makes a role end some seconds after its test process, also if the role does
// not read its stdin. A test process that is killed, or reaches its time limit, does not end
// its roles. But the pipe to their stdin is closed then, and endWithTest sees that.
func endWithTest() {
	var look func()
	look = func() {
		stdin := []unix.PollFd{{Fd: 0}}
		if n, _ := unix.Poll(stdin, 0); n > 0 && stdin[0].Revents&unix.POLLHUP != 0 {
			time.AfterFunc(5*time.Second, func() { os.Exit(1) }) // the role may be about to end
			return
		}
		time.AfterFunc(10*time.Second, look)
	}
	time.AfterFunc(10*time.Second, look)
}
