package filelock

import (
	"time"

	"golang.org/x/sys/unix"
)

// A stamp identifies a file and its content.
type stamp struct {
	dev, ino     uint64
	size         uint64
	birth, write unix.StatxTimestamp
}

// stampOf returns the stamp of a file. ok is false if another content could have the
// same stamp: the file system does not keep the time of birth, or the times are so
// recent that a change in the same tick of its clock would not show. A network file
// system asks its server.
func stampOf(path string) (s stamp, ok bool) {
	const mask = unix.STATX_INO | unix.STATX_SIZE | unix.STATX_BTIME | unix.STATX_MTIME
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_FORCE_SYNC, mask, &st) != nil || st.Mask&mask != mask {
		return stamp{}, false
	}
	s = stamp{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino, st.Size, st.Btime, st.Mtime}
	if recent := time.Now().Unix() - 2; s.birth.Sec >= recent || s.write.Sec >= recent {
		return stamp{}, false
	}
	return s, true
}
