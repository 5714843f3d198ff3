package filelock

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// A birthID identifies a file or a directory for a long time. The time of birth, if the
// file system keeps it, tells it from a later one with the same number.
type birthID struct {
	dev, ino uint64
	sec      int64
	nsec     uint32
}

func (id birthID) is(other birthID) bool { return id == other }

// birthAt looks at the file or the directory at the path, or, with noFollow, at the
// symbolic link there.
func birthAt(path string, flags int) (birthID, error) {
	at := 0
	if flags&noFollow != 0 {
		at = unix.AT_SYMLINK_NOFOLLOW
	}
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, at, unix.STATX_INO|unix.STATX_BTIME, &st)
	for err == unix.EINTR {
		err = unix.Statx(unix.AT_FDCWD, path, at, unix.STATX_INO|unix.STATX_BTIME, &st)
	}
	if err != nil {
		return birthID{}, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	id := birthID{dev: unix.Mkdev(st.Dev_major, st.Dev_minor), ino: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.sec, id.nsec = st.Btime.Sec, st.Btime.Nsec
	}
	return id, nil
}
