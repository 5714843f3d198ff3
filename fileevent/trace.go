package fileevent

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/sidecar"
)

// A trace is the marker that was cleared last: Clear moves it from DIR/NAME to
// DIR/.fsync/NAME.pulse, where no process watches. The move is one step. So a
// waiter that was woken finds the marker or the trace, and of two processes that
// clear an event at the same time only one moves it. If a waiter finds another
// trace than before, the event was set in between, once or more often. The trace
// does not tell whether the event is set; only the marker does.
//
// Clear leaves the trace, not Set. Set could leave it only after it has made the
// marker. By then a waiter may have woken, cleared the event and begun to wait
// again, and the trace of the same Set would wake it a second time.
func (m marker) tracePath() string { return m.sidecar(m.traceName()) }

const traceSuffix = ".pulse"

// traceName returns NAME.pulse. If that is longer than 255 bytes, the limit of
// the common file systems, it shortens NAME and adds a hash of it.
func (m marker) traceName() string {
	const suffix = traceSuffix
	if len(m.name)+len(suffix) <= 255 {
		return m.name + suffix
	}
	h := fnv.New64a()
	io.WriteString(h, m.name)
	return fmt.Sprintf("%s.%016x%s", strings.ToValidUTF8(m.name[:200], ""), h.Sum64(), suffix)
}

// A token identifies a marker, or the trace that it becomes, among those before
// and after it. The zero token means that there is no file.
type token struct {
	there bool
	file  birth
	id    string // the ID in the record; empty if Set has not written it yet, or did not make the marker
	read  bool   // the file could be read for its ID

	archived bool // the trace is an attribute, or was moved aside; see Tidy
	set      time.Time
}

// differs reports whether now is the token of another marker than before. If now
// has no file, it reports false: the file was removed.
//
// Each Set has its own ID, while an inode may be used again in the same tick of
// the file system's clock. So if both tokens have an ID, the IDs decide. A file
// without an ID may get one later, even after a Clear has moved it, because Set
// writes the ID after it has made the marker. A file never loses its ID.
func (now token) differs(before token) bool {
	switch {
	case !now.there:
		return false
	case !before.there:
		return true
	case now.archived && now.file.time().Before(before.file.time()):
		return false // a user removed the later trace, which before is the token of
	case now.id != "" && before.id != "":
		return now.id != before.id
	case before.id != "" && now.read:
		return true
	}
	return now.file != before.file
}

// trace returns the token of the trace. It opens the file instead of calling
// stat(2), because only an open makes an NFS client ask the server (nfs(5)).
func (m marker) trace() (token, error) {
	now, err := tokenOf(m.tracePath())
	if err != nil || now.there {
		return now, err
	}
	archived := m.archived()
	if archived.there { // Tidy may have put a later trace back meanwhile; see bury
		now, err = tokenOf(m.tracePath())
	}
	if err == nil && !now.there {
		now = archived
	}
	return now, err
}

// mark returns the token of the marker. It opens only a regular file: opening a
// device or a FIFO can have effects.
func (m marker) mark() (token, error) {
	info, err := os.Lstat(m.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return token{}, nil
	case err != nil:
		return token{}, err
	case info.Mode().IsRegular():
		return tokenOf(m.path)
	}
	file, err := birthAt(m.path, info)
	if errors.Is(err, fs.ErrNotExist) {
		return token{}, nil // it was removed meanwhile
	}
	return token{there: err == nil, file: file}, err
}

func tokenOf(path string) (token, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|file.Flags, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return token{}, nil
	case err != nil:
		return unreadable(path, err)
	}
	defer f.Close()
	now := token{there: true}
	if now.file, err = birthOf(f); err != nil {
		return token{}, err
	}
	// A record begins with its version and its ID. A file that is not regular has
	// no content to read.
	var text [idAt + idSize]byte
	n, err := f.ReadAt(text[:], 0)
	if n == len(text) && strings.HasPrefix(string(text[:]), recordStart) {
		now.id = string(text[idAt:])
	}
	now.read = err == nil || err == io.EOF
	return now, nil
}

// unreadable returns the token of a file that cannot be opened, such as a
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

// Every record of this package begins with recordStart and the ID; see record.
const (
	recordStart = `{"fsync":1,"id":"`
	idAt        = len(recordStart)
	idSize      = 16
)

// clear makes the marker the trace. It removes the marker instead if the disk is
// full, or if the marker is a device, which each look at the trace would open.
func (m marker) clear(info fs.FileInfo) error {
	if info.Mode()&fs.ModeDevice != 0 {
		return m.remove()
	}
	for attempt := 0; ; attempt++ {
		err := sidecar.Make(m.dir)
		if err == nil {
			err = rename(m.path, m.tracePath())
		}
		switch {
		case err == nil:
			return m.removeLinked(info)
		case isFull(err):
			return m.remove()
		case !errors.Is(err, fs.ErrNotExist):
			return m.failed("clear", m.blocked(err))
		}
		if there, lookErr := m.exists(); !there && lookErr == nil {
			return nil // another process has cleared it
		}
		if attempt == maxAttempts { // another process removes .fsync again and again
			return m.failed("clear", err)
		}
	}
}

const maxAttempts = 100

// removeLinked removes a marker that is a hard link to the previous trace:
// rename(2) does nothing then.
func (m marker) removeLinked(was fs.FileInfo) error {
	if links(was) < 2 || !oneFile(os.Lstat, m.path, m.tracePath()) {
		return nil
	}
	return m.remove()
}

// blocked explains the error if a directory is in the place of the trace.
func (m marker) blocked(err error) error {
	if info, lookErr := os.Lstat(m.tracePath()); lookErr == nil && info.IsDir() {
		return fmt.Errorf("%w: the directory %s is in the way of the trace", fs.ErrInvalid, m.tracePath())
	}
	return err
}

// failed returns an error that names the marker alone. The error of a rename
// names two files.
func (m marker) failed(op string, err error) error {
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		err = link.Err
	}
	return &fs.PathError{Op: op, Path: m.path, Err: err}
}
