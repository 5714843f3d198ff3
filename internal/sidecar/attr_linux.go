package sidecar

import "golang.org/x/sys/unix"

// SetAttr and Attr write and read an extended attribute of a directory. Attr
// returns nil if there is none.
func SetAttr(dir, name string, text []byte) error {
	return unix.Setxattr(dir, attrPrefix+name, text, 0)
}

func Attr(dir, name string) []byte {
	var text [128]byte
	n, err := unix.Getxattr(dir, attrPrefix+name, text[:])
	if err != nil {
		return nil
	}
	return text[:n]
}

const attrPrefix = "user.fsync."
