package locktable

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/fsync-lock/fsync/internal/file"
	"golang.org/x/sys/unix"
)

// A File is a file and its name in the table.
type File struct {
	Name    string // empty = the file does not exist
	Guessed bool   // the name may be wrong, because the mount was not found
	ID      file.ID
}

// Mounts caches the device of each mounted file system, by mount ID. The device is zero if
// the mount was not found.
type Mounts map[uint64]device

type device struct{ major, minor uint32 }

// Identify returns the file at the path, and its name in the table. With follow, it
// follows a symbolic link at the end of the path. The error is an [*fs.PathError].
//
// The name contains the device of the mounted file system. On most file systems stat(2)
// shows that device. On btrfs it shows another device for each subvolume, and on overlay
// for each layer.
func (m Mounts) Identify(path string, follow bool) (File, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	var st unix.Stat_t
	if err := unix.Fstatat(unix.AT_FDCWD, path, &st, flags); err != nil {
		return File{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	f := File{ID: file.ID{Dev: uint64(st.Dev), Ino: st.Ino}}
	dev := device{unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev))}
	if dev.major == 0 {
		if mounted := m.at(path, flags); mounted != (device{}) {
			dev = mounted
		} else {
			f.Guessed = !hasOneDevice(path)
		}
	}
	f.Name = fmt.Sprintf("%02x:%02x:%d", dev.major, dev.minor, st.Ino)
	return f, nil
}

// at returns the device of the mounted file system that the path is on. It returns zero if
// the mount is not found: after chroot into a directory of that file system, or after
// umount -l while the file system was in use.
func (m Mounts) at(path string, flags int) device {
	var stx unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, flags, unix.STATX_MNT_ID, &stx)
	if err != nil || stx.Mask&unix.STATX_MNT_ID == 0 {
		return device{}
	}
	dev, known := m[stx.Mnt_id]
	if !known {
		dev = mountDevice(stx.Mnt_id)
		m[stx.Mnt_id] = dev
	}
	return dev
}

// hasOneDevice reports whether stat(2) shows the device that the table has, although the
// file system has no block device.
func hasOneDevice(path string) bool {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return false
	}
	return st.Type == unix.TMPFS_MAGIC || uint32(st.Type) == unix.RAMFS_MAGIC
}

func mountDevice(mount uint64) device {
	table, _ := os.ReadFile("/proc/self/mountinfo")
	return deviceIn(string(table), mount)
}

// deviceIn returns the device of a mount in the text of a mountinfo.
func deviceIn(table string, mount uint64) device {
	for line := range strings.Lines(table) {
		// 36 35 98:0 /mnt1 /mnt2 rw,noatime - ext3 /dev/root rw
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != strconv.FormatUint(mount, 10) {
			continue
		}
		major, minor, _ := strings.Cut(f[2], ":")
		a, errA := strconv.ParseUint(major, 10, 32)
		b, errB := strconv.ParseUint(minor, 10, 32)
		if errA != nil || errB != nil {
			return device{}
		}
		return device{uint32(a), uint32(b)}
	}
	return device{}
}
