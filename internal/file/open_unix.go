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

// isLeased: only an open returns a PathError. A lock call that fails because the lock
// is held returns the same error without a path.
func isLeased(err error) bool {
	var open *fs.PathError
	return errors.Is(err, unix.EWOULDBLOCK) && errors.As(err, &open)
}

// isLink: FreeBSD has an error of its own for this.
func isLink(err error) bool { return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) }
