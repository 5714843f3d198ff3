package fileevent

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
)

// A version identifies a marker, or the tombstone that it becomes, among those before and
// after it. The zero version means that there is no file.
type version struct {
	exists bool
	ino    uint64
	born   time.Time // when the file was created; see identify
	id     string    // the ID in the record; empty if there is no record, or not yet
	read   bool      // the content of the file could be read

	archived bool      // the tombstone was moved aside or to an attribute; see Tidy
	set      time.Time // when the event was set, if archived
}

// differs reports whether now and before are versions of two different markers. It reports
// false if now has no file: the file was removed.
//
// Each Set has its own ID, while a file system may give a new file the inode of the last
// one in the same tick of its clock. So if both versions have an ID, the IDs decide. A
// file without an ID may get one later, even after a Clear has moved it, because Set
// writes the ID after it has made the marker. A file never loses its ID.
func (now version) differs(before version) bool {
	switch {
	case !now.exists:
		return false
	case !before.exists:
		return true
	case now.archived && now.born.Before(before.born):
		return false // before is a later tombstone, which a user has removed
	case now.id != "" && before.id != "":
		return now.id != before.id
	case before.id != "" && now.read:
		return true
	}
	return now.ino != before.ino || !now.born.Equal(before.born)
}

// versionOf returns the version of the file at the path. It opens the file, because only
// an open makes an NFS client ask the server (nfs(5)).
func versionOf(path string) (version, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|file.Flags, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return version{}, nil
	case err != nil:
		return unreadable(path, err)
	}
	defer f.Close()
	info, err := file.BirthOf(f)
	if err != nil {
		return version{}, err
	}
	now := identify(info)
	// A record begins with recordStart and its ID. Reading a file that is not regular fails,
	// or finds no record.
	var text [idAt + idSize]byte
	n, err := f.ReadAt(text[:], 0)
	if n == len(text) && strings.HasPrefix(string(text[:]), recordStart) {
		now.id = string(text[idAt:])
	}
	now.read = err == nil || err == io.EOF
	return now, nil
}

// unreadable returns the version of a file that cannot be opened, for the reason err. It
// may be a symbolic link, or a marker that only its owner may read.
func unreadable(path string, err error) (version, error) {
	info, statErr := file.LstatBirth(path)
	if statErr != nil {
		return version{}, err
	}
	return identify(info), nil
}

// identify returns the version of a file, without the ID.
//
// If the file system does not keep the time when a file was created, identify uses the time
// of its last change. Then, if a Clear comes before Set has written its record, one marker
// has two versions, and one Set may wake a waiter twice. Without any time, a new file with
// the inode of the last one would have the same version, and a waiter would not wake.
func identify(info file.Info) version {
	born := info.Born
	if born.IsZero() {
		born = info.ModTime
	}
	return version{exists: info.Exists, ino: info.ID.Ino, born: born}
}

// Every record of this package begins with recordStart and the ID; see record.
const (
	recordStart = `{"fsync":1,"id":"`
	idAt        = len(recordStart)
	idSize      = 16
)
