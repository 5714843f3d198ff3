package journal

import (
	"errors"
	"os"

	"github.com/fsync-lock/fsync/internal/acl"
	"golang.org/x/sys/unix"
)

// readACL returns the access control list (ACL) of a file in the kernel's format, or
// nil if the file has none.
func readACL(f *os.File) ([]byte, error) {
	list := make([]byte, 64<<10) // the maximum size of an attribute
	n, err := unix.Fgetxattr(int(f.Fd()), acl.Attribute, list)
	switch {
	case n > 0:
		return list[:n], nil
	case err == nil, isNoACL(err):
		return nil, nil
	}
	return nil, err
}

func writeACL(f *os.File, list []byte) error {
	return unix.Fsetxattr(int(f.Fd()), acl.Attribute, list, 0)
}

// dropACL removes the ACL that the file inherited from its directory.
func dropACL(f *os.File) error {
	if err := unix.Fremovexattr(int(f.Fd()), acl.Attribute); !isNoACL(err) {
		return err
	}
	return nil
}

// isNoACL reports whether the error says that the file has no ACL, or that the file
// system does not support ACLs.
func isNoACL(err error) bool {
	return errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS)
}
