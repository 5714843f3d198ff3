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
func (m marker) tracePath() string { return m.beside(m.traceName()) }

const traceSuffix = ".pulse"

// traceName is NAME.pulse, or something like it if that is too long for a file
// name, of which the common file systems allow 255 bytes.
func (m marker) traceName() string {
	const suffix = traceSuffix
	if len(m.name)+len(suffix) <= 255 {
		return m.name + suffix
	}
	h := fnv.New64a()
	io.WriteString(h, m.name)
	return fmt.Sprintf("%s.%016x%s", strings.ToValidUTF8(m.name[:200], ""), h.Sum64(), suffix)
}

// A token tells a marker, or the trace that it becomes, from those before and
// after it. The zero token is that of no file.
type token struct {
	there bool
	file  birth
	id    string // that Set has written into the marker; empty if it has not, or it was not Set that made it
	read  bool   // whether the file could be asked for its ID

	archived bool // the trace is an attribute, or was moved aside; see Tidy
	set      time.Time
}

// differs reports whether now is another marker's than before. No file says
// nothing: it has been removed.
//
// An ID is of one Set, wherever its marker is by now, and an inode may be used
// again in the same tick of the file system's clock. So where two tokens have
// an ID that decides. A file that has none may get one: Set writes it after it
// has made the marker, wherever that is by then. No file loses its ID.
func (now token) differs(before token) bool {
	switch {
	case !now.there:
		return false
	case !before.there:
		return true
	case now.archived && now.file.time().Before(before.file.time()):
		return false // the trace of a later one was removed by hand
	case now.id != "" && before.id != "":
		return now.id != before.id
	case before.id != "" && now.read:
		return true
	}
	return now.file != before.file
}

// trace returns the token of the trace. It opens the file rather than ask for
// its state, because that is what makes an NFS client ask the server (nfs(5)).
func (m marker) trace() (token, error) {
	now, err := tokenOf(m.tracePath())
	if err == nil && !now.there {
		now = m.archived()
	}
	return now, err
}

// mark returns the token of the marker. It opens nothing but a regular file: to
// open a device or a FIFO can have effects.
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
		return token{}, nil // it has gone meanwhile
	}
	return token{there: err == nil, file: file}, err
}

func tokenOf(path string) (token, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|beside.OpenFlags, 0)
	if err != nil {
		return unreadable(path, err)
	}
	defer f.Close()
	now := token{there: true}
	if now.file, err = birthOf(f); err != nil {
		return token{}, err
	}
	// A record begins with its version and its ID; what is no regular file has
	// none to be read.
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

// What every record of ours begins with; see record.
const (
	recordStart = `{"fsync":1,"id":"`
	idAt        = len(recordStart)
	idSize      = 16
)

// clear makes the marker the trace. Where that cannot be for want of space, or
// would have every look open a device, it removes the marker.
func (m marker) clear(info fs.FileInfo) error {
	if info.Mode()&fs.ModeDevice != 0 {
		return m.remove()
	}
	for attempt := 0; ; attempt++ {
		err := beside.Make(m.dir)
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
			return nil // somebody else has cleared it
		}
		if attempt == maxAttempts { // somebody removes .fsync again and again
			return m.failed("clear", err)
		}
	}
}

const maxAttempts = 100

// removeLinked removes a marker that is a hard link to the trace of before,
// which rename(2) leaves alone.
func (m marker) removeLinked(was fs.FileInfo) error {
	if links(was) < 2 || !oneFile(os.Lstat, m.path, m.tracePath()) {
		return nil
	}
	return m.remove()
}

// blocked says what is wrong if a directory is where the trace is to be.
func (m marker) blocked(err error) error {
	if info, lookErr := os.Lstat(m.tracePath()); lookErr == nil && info.IsDir() {
		return fmt.Errorf("%w: the directory %s is in the way of the trace", fs.ErrInvalid, m.tracePath())
	}
	return err
}

// failed is an error of a call that names more than the marker.
func (m marker) failed(op string, err error) error {
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		err = link.Err
	}
	return &fs.PathError{Op: op, Path: m.path, Err: err}
}
