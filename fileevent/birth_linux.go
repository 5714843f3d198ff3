package fileevent

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A birth is the identity of a file that, if the file system keeps the time of
// its birth, nothing changes which is done to the file.
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

// statx takes the time of the last change where the file system does not keep
// that of the birth. A Set that is overtaken by a Clear before it has written
// its record is two births then, and may wake somebody twice. Without a time, an
// inode that is used again would be one, and somebody not be woken.
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

// time is when the file was born, or last changed.
func (b birth) time() time.Time { return time.Unix(b.sec, int64(b.nsec)) }
