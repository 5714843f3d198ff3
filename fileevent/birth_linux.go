package fileevent

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// A birth is the identity of a file that nothing which is done to the file
// changes.
type birth struct {
	ino  uint64
	sec  int64
	nsec uint32
}

func birthOf(f *os.File) (birth, error) {
	return statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, f.Name())
}

func birthAt(path string, _ fs.FileInfo) (birth, error) {
	return statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, path)
}

// statx leaves the time zero on a file system that does not keep it.
func statx(dir int, path string, flags int, name string) (birth, error) {
	var st unix.Statx_t
	if err := unix.Statx(dir, path, flags, unix.STATX_INO|unix.STATX_BTIME, &st); err != nil {
		return birth{}, &fs.PathError{Op: "statx", Path: name, Err: err}
	}
	b := birth{ino: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		b.sec, b.nsec = st.Btime.Sec, st.Btime.Nsec
	}
	return b, nil
}
