package fileevent

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/fsync-lock/fsync/internal/beside"
)

// A trace is the marker that was cleared last: Clear moves it from DIR/NAME to
// DIR/.fsync/NAME.pulse, where nobody watches. That is one step for everybody,
// so whoever has been woken finds the marker or the trace, and of two who clear
// an event at one time only one does anything. Who finds another trace than
// before knows that the event was set in between, however often and however
// short. No more than that is in it: whether the event is set, the marker says.
//
// For that it need not be Set that leaves the trace. It would have to do so
// after it has made the marker, when somebody may already have been woken by
// that, have cleared the event, and wait again; that one it would wake twice.
func (m marker) tracePath() string {
	return filepath.Join(m.directory(), beside.Dir, m.traceName())
}

// traceName is NAME.pulse, or something like it if that is too long for a file
// name, of which the common file systems allow 255 bytes.
func (m marker) traceName() string {
	const suffix = ".pulse"
	if len(m.name)+len(suffix) <= 255 {
		return m.name + suffix
	}
	h := fnv.New64a()
	io.WriteString(h, m.name)
	return fmt.Sprintf("%s.%016x%s", strings.ToValidUTF8(m.name[:200], ""), h.Sum64(), suffix)
}

// A token tells a trace from those before and after it. The zero token is that
// of no trace.
type token struct {
	there bool
	file  birth
	id    string // that Set has written into the marker; empty if it has not, or it was not Set that made it
}

// differs reports whether another marker was cleared since the token was
// before. No trace says nothing: it has been removed.
//
// An inode may be used again in the same tick of the file system's clock, so
// where two tokens have an ID that decides. A trace that has none may get one:
// Set writes it after it has made the marker, wherever that is by then.
func (now token) differs(before token) bool {
	switch {
	case !now.there:
		return false
	case !before.there || now.file != before.file:
		return true
	}
	return now.id != "" && before.id != "" && now.id != before.id
}

// trace returns the token of the trace. It opens the file rather than ask for
// its state, because that is what makes an NFS client ask the server (nfs(5)).
func (m marker) trace() (token, error) {
	path := m.tracePath()
	f, err := os.OpenFile(path, os.O_RDONLY|beside.OpenFlags, 0)
	if err != nil {
		return unreadable(path, err)
	}
	defer f.Close()
	now := token{there: true}
	if now.file, err = birthOf(f); err != nil {
		return token{}, err
	}
	// A record begins with its version and its ID; a trace that is no regular
	// file has none to be read.
	var text [idAt + idSize]byte
	if n, _ := f.ReadAt(text[:], 0); n == len(text) && strings.HasPrefix(string(text[:]), recordStart) {
		now.id = string(text[idAt:])
	}
	return now, nil
}

// unreadable returns the token of a trace that cannot be opened, such as a
// symbolic link or a marker that only its owner may read.
func unreadable(path string, err error) (token, error) {
	info, lookErr := os.Lstat(path)
	switch {
	case errors.Is(lookErr, fs.ErrNotExist), errors.Is(lookErr, syscall.ENOTDIR):
		return token{}, nil
	case lookErr != nil:
		return token{}, err
	}
	now := token{there: true}
	now.file, lookErr = birthAt(path, info)
	return now, lookErr
}

// What every record of ours begins with; see record.
const (
	recordStart = `{"fsync":1,"id":"`
	idAt        = len(recordStart)
	idSize      = 16
)

// clear makes the marker the trace. Where that cannot be for want of space it removes the marker.
func (m marker) clear() error {
	err := beside.Make(m.dir)
	if err == nil {
		err = rename(m.path, m.tracePath())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if there, lookErr := m.exists(); !there && lookErr == nil {
			return nil // somebody else has cleared it
		}
	case err == nil:
		return nil
	case isFull(err):
		return m.remove()
	}
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		err = link.Err
	}
	return &fs.PathError{Op: "clear", Path: m.path, Err: err}
}
