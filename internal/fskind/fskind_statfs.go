//go:build linux || darwin || dragonfly || freebsd || openbsd

package fskind

import "golang.org/x/sys/unix"

// Of returns the kind of the file system that a path is on.
func Of(path string) Kind {
	return of(func(st *unix.Statfs_t) error { return unix.Statfs(path, st) })
}

// OfDescriptor returns the kind of the file system that an open file is on.
func OfDescriptor(fd int) Kind {
	return of(func(st *unix.Statfs_t) error { return unix.Fstatfs(fd, st) })
}

func of(statfs func(*unix.Statfs_t) error) Kind {
	var st unix.Statfs_t
	err := statfs(&st)
	for err == unix.EINTR {
		err = statfs(&st)
	}
	if err != nil {
		return Kind{}
	}
	return kindOf(&st)
}
