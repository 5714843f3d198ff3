package filelock

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// A dirID identifies a directory. The time of birth, if the file system keeps it,
// tells it from a later directory with the same number.
type dirID struct {
	dev, ino uint64
	sec      int64
	nsec     uint32
}

func (id dirID) is(other dirID) bool { return id == other }

func dirAt(path string) (dirID, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_BTIME, &st)
	for err == unix.EINTR {
		err = unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_BTIME, &st)
	}
	if err != nil {
		return dirID{}, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	id := dirID{dev: unix.Mkdev(st.Dev_major, st.Dev_minor), ino: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.sec, id.nsec = st.Btime.Sec, st.Btime.Nsec
	}
	return id, nil
}
