package fileevent

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/process"
	"github.com/fsync-lock/fsync/internal/sidecar"
)

// renew sets an event that is already set: it replaces the marker by a new one in
// one step, a rename, so that the event is never clear in between.
//
//   - A Clear or a take that comes before the rename clears the earlier Set, and the
//     rename sets the event again.
//   - A Clear or a take that comes after the rename clears both Sets at once.
//   - If an earlier Set has made the old marker but not yet written its record, it writes
//     the record into a file that no longer has a name.
//
// The new marker is another file with another ID. So the tombstone that it becomes later
// differs from the tombstone of the old marker. The error is [fs.ErrNotExist] if Set has to
// begin again.
//
// If this process may not replace the marker, the new file becomes the notice; see
// leaveNotice.
func (e *Event) renew() error {
	m := e.marker
	f, err := m.draft(e.perm)
	if err != nil {
		return e.notRenewed(err)
	}
	e.record(f)
	f.Close()
	e.at(renewing)
	if m.renewal() == replace {
		if err = rename(f.Name(), m.path); err == nil {
			yield()
			return nil
		}
	} else {
		err = fs.ErrPermission
	}
	if !errors.Is(err, fs.ErrNotExist) {
		err = m.leaveNotice(f.Name())
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return e.notRenewed(err)
}

// notRenewed returns the error of a Set that found the event set and could not renew it. A
// missing permission for the directory is no error, because the event is set.
func (e *Event) notRenewed(err error) error {
	if err == nil || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil
	}
	return e.marker.failed("set", err)
}

// draft creates the file that will become the marker. The file is in DIR/.fsync, because no
// process watches there, or in DIR if there is no DIR/.fsync.
func (m marker) draft(perm fs.FileMode) (f *os.File, err error) {
	id := rand.Uint64()
	paths := []string{m.sidecar(fmt.Sprintf("%016x.new", id)), fmt.Sprintf("%s%s.%016x", m.dir, sidecar.Dir, id)}
	if sidecar.Check(m.dir) != nil {
		paths = paths[1:]
	}
	for _, path := range paths {
		if f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|file.Flags, perm); err == nil {
			return f, nil
		}
	}
	return nil, err
}

// A renewal is a way to renew an existing marker.
type renewal int

const (
	replace renewal = iota
	touch           // for a file with other content, which must not be lost
	leave           // for a directory, a link or a device
)

// renewal tells how to renew the marker. A marker that is gone is replaced too: the new one
// sets the event.
func (m marker) renewal() renewal {
	info, err := file.Lstat(m.path)
	switch {
	case err != nil, !info.Exists, info.Mode.IsRegular() && info.Size == 0:
		return replace
	case !info.Mode.IsRegular():
		return leave
	}
	text, _ := m.content()
	if _, ours := process.Parse(text); ours {
		return replace
	}
	if info, err := file.Lstat(m.path); err != nil || !info.Exists {
		return replace // it was cleared before content could read it
	}
	return touch
}
