//go:build unix

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// inheritLock makes the command inherit the hold, or with -o not inherit it. As flock(1)
// does, it leaves a descriptor of the lock file open. The number is 10 or more, because
// scripts open and close the numbers up to 9 themselves.
func (j *job) inheritLock(l lock) error {
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
		if inherited.fd, e = unix.FcntlInt(fd, unix.F_DUPFD, lowestInherited); e == nil {
			return
		}
		inherited.fd = -1
		_, fcntlErr = unix.FcntlInt(fd, unix.F_SETFD, 0) // no free number: let it inherit this one
	})
	return errors.Join(err, os.NewSyscallError("fcntl", fcntlErr))
}

const lowestInherited = 10

// inherited are this process's duplicates of the hold's descriptor: the file,
// which is kept here because the garbage collector would close it, and the
// number that the command inherits, or -1.
var inherited struct {
	file *os.File
	fd   int
}

// letGo gives up this process's part in the lock. It closes the file instead of unlocking
// it, so that processes that inherited the lock keep it. It is called before this process
// writes its line into the journal and exits, so that no waiter waits for that.
func (j *job) letGo(l lock) {
	switch {
	case j.fd >= 0 || l == nil: // the descriptor belongs to the shell
	case j.close:
		l.Release() // no process has inherited it
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
