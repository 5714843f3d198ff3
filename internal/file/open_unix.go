//go:build unix

package file

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

const (
	noFollow = unix.O_NOFOLLOW
	noWait   = unix.O_NONBLOCK | unix.O_NOCTTY
)

// isLeased: only an open returns a PathError. A lock call returns the same error without
// a path if the lock is held.
func isLeased(err error) bool {
	var open *fs.PathError
	return errors.Is(err, unix.EWOULDBLOCK) && errors.As(err, &open)
}

// isLink: the error is ELOOP, and EMLINK on FreeBSD.
func isLink(err error) bool { return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) }
