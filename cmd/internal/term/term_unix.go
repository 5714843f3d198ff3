//go:build unix

package term

import (
	"os"

	"golang.org/x/sys/unix"
)

// InForeground reports whether this process is in the foreground of its terminal.
func InForeground() bool {
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(tty)
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	own, ownErr := unix.Getpgid(0)
	return err == nil && ownErr == nil && group == own
}

// Writable reports whether some lines can be written to the terminal without blocking.
// A write blocks after Ctrl-S, or if no program reads the terminal's output.
func Writable(f *os.File) bool {
	state := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLOUT}}
	n, err := unix.Poll(state, 0)
	return err != nil || n > 0
}
