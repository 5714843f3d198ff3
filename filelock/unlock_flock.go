//go:build unix && !aix && (!solaris || illumos)

package filelock

import (
	"os"

	"golang.org/x/sys/unix"
)

// unlockOpen releases the lock of the open file.
func unlockOpen(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_UN); err != unix.EINTR {
			return err
		}
	}
}
