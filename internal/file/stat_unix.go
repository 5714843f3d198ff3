//go:build unix

package file

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func lstat(path string) (Info, error) {
	var st unix.Stat_t
	err := ignoringEINTR(func() error { return unix.Lstat(path, &st) })
	return described("lstat", path, &st, err)
}

func stat(path string) (Info, error) {
	var st unix.Stat_t
	err := ignoringEINTR(func() error { return unix.Stat(path, &st) })
	return described("stat", path, &st, err)
}

func fstat(f *os.File) (Info, error) {
	var st unix.Stat_t
	err := ignoringEINTR(func() error { return unix.Fstat(int(f.Fd()), &st) })
	return described("fstat", f.Name(), &st, err)
}

// ignoringEINTR repeats the call while signals interrupt it.
func ignoringEINTR(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// described converts the result of a stat call.
func described(op, path string, st *unix.Stat_t, err error) (Info, error) {
	if err != nil {
		return failed(op, path, err)
	}
	return Info{
		Exists:  true,
		Mode:    modeOf(uint32(st.Mode)),
		ID:      ID{uint64(st.Dev), uint64(st.Ino)},
		Size:    st.Size,
		Links:   uint64(st.Nlink),
		ModTime: time.Unix(st.Mtim.Unix()),
		Changed: time.Unix(st.Ctim.Unix()),
	}, nil
}

func failed(op, path string, err error) (Info, error) {
	if err == unix.ENOENT {
		return Info{}, nil
	}
	return Info{}, &fs.PathError{Op: op, Path: path, Err: err}
}

// modeOf converts a mode of the kernel (inode(7)), as package os does.
func modeOf(st uint32) fs.FileMode {
	mode := fs.FileMode(st & 0o777)
	switch st & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	default:
		mode |= fs.ModeIrregular
	}
	if st&unix.S_ISGID != 0 {
		mode |= fs.ModeSetgid
	}
	if st&unix.S_ISUID != 0 {
		mode |= fs.ModeSetuid
	}
	if st&unix.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}
