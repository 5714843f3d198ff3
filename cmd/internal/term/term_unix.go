//go:build unix

// Package term is about terminals.
package term

import (
	"os"

	"golang.org/x/sys/unix"
)

// Columns returns the width of the terminal f, or false if f is not a terminal.
func Columns(f *os.File) (int, bool) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	if size.Col == 0 {
		return 80, true // the terminal does not know its width
	}
	return int(size.Col), true
}

// InForeground reports whether this process is in the foreground of its
// terminal.
func InForeground() bool {
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(tty)
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// Takes reports whether the terminal accepts some lines without blocking. A write
// blocks while Ctrl-S has stopped the terminal, or no program reads its output.
func Takes(f *os.File) bool {
	state := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLOUT}}
	n, err := unix.Poll(state, 0)
	return err != nil || n > 0
}
