//go:build unix

package file

import (
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"
)

func TestModeOf(t *testing.T) {
	t.Parallel()
	for st, want := range map[uint32]fs.FileMode{
		unix.S_IFREG | 0o751:                fs.FileMode(0o751),
		unix.S_IFDIR | 0o777 | unix.S_ISVTX: fs.ModeDir | fs.ModeSticky | 0o777,
		unix.S_IFLNK:                        fs.ModeSymlink,
		unix.S_IFIFO:                        fs.ModeNamedPipe,
		unix.S_IFSOCK:                       fs.ModeSocket,
		unix.S_IFBLK:                        fs.ModeDevice,
		unix.S_IFCHR:                        fs.ModeDevice | fs.ModeCharDevice,
		unix.S_IFREG | unix.S_ISUID:         fs.ModeSetuid,
		unix.S_IFREG | unix.S_ISGID:         fs.ModeSetgid,
		0:                                   fs.ModeIrregular,
	} {
		if got := modeOf(st); got != want {
			t.Errorf("%#o is %v, want %v", st, got, want)
		}
	}
}
