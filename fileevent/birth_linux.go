package fileevent

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A birth identifies a file. If the file system keeps the time of birth, nothing
// that is done to the file changes it.
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

// statx takes the time of the last change if the file system does not keep the
// time of birth. Then, if a Clear comes before Set has written its record, one
// marker has two births, and one Set may wake a waiter twice. Without any time, a
// new file on a reused inode would have the birth of the old one, and a waiter
// would not be woken.
func statx(dir int, path string, flags int, name string) (birth, error) {
	var st unix.Statx_t
	if err := unix.Statx(dir, path, flags, unix.STATX_INO|unix.STATX_BTIME|unix.STATX_MTIME, &st); err != nil {
		return birth{}, &fs.PathError{Op: "statx", Path: name, Err: err}
	}
	b := birth{st.Ino, st.Mtime.Sec, st.Mtime.Nsec}
	if st.Mask&unix.STATX_BTIME != 0 {
		b.sec, b.nsec = st.Btime.Sec, st.Btime.Nsec
	}
	return b, nil
}

// time returns when the file was born or, if that is not known, last changed.
func (b birth) time() time.Time { return time.Unix(b.sec, int64(b.nsec)) }
