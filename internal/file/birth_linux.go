package file

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func lstatBirth(path string) (Info, error) {
	return statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_FORCE_SYNC, path)
}

func statBirth(path string) (Info, error) {
	return statx(unix.AT_FDCWD, path, unix.AT_STATX_FORCE_SYNC, path)
}

func birthOf(f *os.File) (Info, error) {
	return statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, f.Name())
}

func statx(dir int, path string, flags int, name string) (Info, error) {
	var st unix.Statx_t
	const mask = unix.STATX_BASIC_STATS | unix.STATX_BTIME
	err := ignoringEINTR(func() error { return unix.Statx(dir, path, flags, mask, &st) })
	if err != nil {
		return failed("statx", name, err)
	}
	info := Info{
		Exists:  true,
		Mode:    modeOf(uint32(st.Mode)),
		ID:      ID{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino},
		Size:    int64(st.Size),
		Links:   uint64(st.Nlink),
		ModTime: time.Unix(st.Mtime.Sec, int64(st.Mtime.Nsec)),
		Changed: time.Unix(st.Ctime.Sec, int64(st.Ctime.Nsec)),
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		info.Born = time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))
	}
	return info, nil
}
