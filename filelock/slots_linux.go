package filelock

import (
	"io/fs"
	"time"

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

// A stamp identifies a file and its content.
type stamp struct {
	dev, ino     uint64
	size         uint64
	birth, write unix.StatxTimestamp
}

// stampOf returns the stamp of a file. ok is false if another content could have the
// same stamp: the file system does not keep the time of birth, or the times are so
// recent that a change in the same tick of its clock would not show.
func stampOf(path string) (s stamp, ok bool) {
	const mask = unix.STATX_INO | unix.STATX_SIZE | unix.STATX_BTIME | unix.STATX_MTIME
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, mask, &st) != nil || st.Mask&mask != mask {
		return stamp{}, false
	}
	s = stamp{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino, st.Size, st.Btime, st.Mtime}
	if recent := time.Now().Unix() - 2; s.birth.Sec >= recent || s.write.Sec >= recent {
		return stamp{}, false
	}
	return s, true
}
