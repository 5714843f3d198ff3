//go:build !linux

package fileevent

import (
	"io/fs"
	"os"
	"time"
)

// A birth identifies a file. Its time is that of the last change.
type birth struct {
	ino   uint64
	nanos int64
}

func birthOf(f *os.File) (birth, error) {
	info, err := f.Stat()
	if err != nil {
		return birth{}, err
	}
	return birthAt("", info)
}

func birthAt(_ string, info fs.FileInfo) (birth, error) {
	return birth{inode(info), info.ModTime().UnixNano()}, nil
}

// time returns when the file was last changed.
func (b birth) time() time.Time { return time.Unix(0, b.nanos) }
