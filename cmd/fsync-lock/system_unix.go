//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// bequeath makes the next process that is started inherit the hold, or with -o
// not inherit it. It does so by leaving a duplicate of the lock's descriptor
// open, as flock(1) does, and not as one of the command's first descriptors:
// there it may expect what its shell opened.
func (j *job) bequeath(l lock) error {
	switch {
	case j.fd >= 0 && j.close:
		unix.CloseOnExec(j.fd)
		return nil
	case j.fd >= 0 || j.close || l == nil:
		return nil
	}
	f, err := l.File()
	if err != nil {
		return err
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	inherited = f
	var fcntlErr error
	err = conn.Control(func(fd uintptr) { _, fcntlErr = unix.FcntlInt(fd, unix.F_SETFD, 0) })
	return errors.Join(err, os.NewSyscallError("fcntl", fcntlErr))
}

// inherited keeps the duplicate from being collected, and so closed, before
// the command is started.
var inherited *os.File

// become turns this process into the command.
func become(path string, argv, env []string) error { return syscall.Exec(path, argv, env) }

func isScript(err error) bool { return errors.Is(err, unix.ENOEXEC) }

func shell(script string) []string {
	sh := os.Getenv("SHELL")
	if sh == "" {
		sh = "/bin/sh"
	}
	return []string{sh, "-c", script}
}

// columns returns the width of the terminal that f is, if it is one.
func columns(f *os.File) (int, bool) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	if size.Col == 0 {
		return 80, true // it does not know
	}
	return int(size.Col), true
}

// inForeground reports whether this process is in the foreground of its
// terminal.
func inForeground() bool {
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(tty)
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
