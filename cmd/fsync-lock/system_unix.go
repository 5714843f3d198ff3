//go:build unix

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// bequeath makes the next process that is started inherit the hold, or with -o
// not inherit it. It does so by leaving a duplicate of the lock's descriptor
// open, as flock(1) does, but not as one of the first: there the command may
// expect what its shell opened, and scripts close and open those up to 9.
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
	inherited.file, inherited.fd = f, -1
	var fcntlErr error
	err = conn.Control(func(fd uintptr) {
		var e error
		if inherited.fd, e = unix.FcntlInt(fd, unix.F_DUPFD, firstOfOurs); e == nil {
			return
		}
		inherited.fd = -1
		_, fcntlErr = unix.FcntlInt(fd, unix.F_SETFD, 0) // no numbers above: then this one
	})
	return errors.Join(err, os.NewSyscallError("fcntl", fcntlErr))
}

const firstOfOurs = 10

// inherited are this process's duplicates of the hold's descriptor: the file,
// which is kept here because it would be closed if it were collected, and the
// number that the command inherits, or -1.
var inherited struct {
	file *os.File
	fd   int
}

// letGo gives up what this process has of the lock, and leaves it to those who
// have inherited it: to unlock it would take it away from them, so what is
// open here is closed. That is for a process that is about to end: what still
// is to be done until then, such as to write a line into the journal, or to
// give its memory back, keeps nobody waiting for the lock.
func (j *job) letGo(l lock) {
	switch {
	case j.fd >= 0 || l == nil: // that is the shell's
	case j.close:
		l.Release() // nobody has inherited it
	default:
		if inherited.file != nil {
			inherited.file.Close()
			unix.Close(inherited.fd) // EBADF if it is -1
		}
		l.Leave()
	}
}

func shell(script string) []string {
	sh := os.Getenv("SHELL")
	if sh == "" {
		sh = "/bin/sh"
	}
	return []string{sh, "-c", script}
}
