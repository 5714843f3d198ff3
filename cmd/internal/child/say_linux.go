package child

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Say writes a message. It blocks SIGPIPE: a closed pipe must not end this process
// while the command runs.
func Say(f *os.File, text string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pipe, old := sigset(unix.SIGPIPE), unix.Sigset_t{}
	if unix.PthreadSigmask(unix.SIG_BLOCK, &pipe, &old) != nil {
		return
	}
	if _, err := syscall.Write(int(f.Fd()), []byte(text)); err == unix.EPIPE {
		take(&pipe)
	}
	unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
}
