package journal

import (
	"errors"
	"os"

	"github.com/fsync-lock/fsync/internal/acl"
	"golang.org/x/sys/unix"
)

// readList returns the access control list of a file in the kernel's format, or
// nil if the file has none.
func readList(f *os.File) ([]byte, error) {
	list := make([]byte, 64<<10) // the maximum size of an attribute
	n, err := unix.Fgetxattr(int(f.Fd()), acl.Attribute, list)
	switch {
	case err == nil && n > 0:
		return list[:n], nil
	case err == nil, isNoList(err):
		return nil, nil
	}
	return nil, err
}

func writeList(f *os.File, list []byte) error {
	return unix.Fsetxattr(int(f.Fd()), acl.Attribute, list, 0)
}

// dropList removes the list that the file inherited from its directory.
func dropList(f *os.File) error {
	if err := unix.Fremovexattr(int(f.Fd()), acl.Attribute); !isNoList(err) {
		return err
	}
	return nil
}

// isNoList reports whether the error says that the file has no list, or that the
// file system does not support lists.
func isNoList(err error) bool {
	return errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS)
}
