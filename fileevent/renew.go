package fileevent

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/internal/beside"
)

// renew is what Set does if the event is set: it puts a new marker in the place
// of the one that is there, in one step, so that the event is never clear in
// between.
//
//   - A Clear or a taker that comes before the step has cleared the earlier
//     Set, and the step sets the event, as a Set after them does.
//   - One that comes after the step clears both Sets at once.
//   - A Set that has made the marker and not yet written its record writes it
//     into a file that has no name any more.
//
// The new marker is a file of its own with an ID of its own, so the trace that
// it becomes differs from that of the marker before. The error is
// [fs.ErrNotExist] if Set has to begin again.
//
// Where the marker is not ours to replace, the new one becomes the trace at
// once, as if it had been cleared: a Watch compares that too. It looks for it
// within a second, since nothing in the directory itself changes.
func (e *Event) renew() error {
	m := e.marker
	f, err := m.draft(e.perm)
	if err != nil {
		return e.unrenewed(err)
	}
	e.record(f)
	f.Close()
	e.at(renewing)
	if m.renewal() == replace {
		if err = rename(f.Name(), m.path); err == nil {
			giveWay()
			return nil
		}
	} else {
		err = fs.ErrPermission
	}
	if !errors.Is(err, fs.ErrNotExist) {
		err = m.leaveTrace(f.Name())
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return e.unrenewed(err)
}

// leaveTrace makes the draft the trace.
func (m marker) leaveTrace(draft string) error {
	if m.renewal() == touch {
		now := time.Now()
		os.Chtimes(m.path, now, now) // fails for who does not own it: it stays as it is
	}
	if err := beside.Make(m.dir); err != nil {
		return err
	}
	return rename(draft, m.tracePath())
}

// unrenewed is the error of a Set that found the event set. Who may not write
// to the directory could not set the event, and need not.
func (e *Event) unrenewed(err error) error {
	if err == nil || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil
	}
	return e.marker.failed("set", err)
}

// draft makes a file that is to become the marker: in DIR/.fsync, where nobody
// watches, if that is there, and otherwise in DIR.
func (m marker) draft(perm fs.FileMode) (f *os.File, err error) {
	id := rand.Uint64()
	for _, path := range []string{m.beside(fmt.Sprintf("%016x.new", id)), fmt.Sprintf("%s%s.%016x", m.dir, beside.Dir, id)} {
		if f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|beside.OpenFlags, perm); err == nil {
			return f, nil
		}
	}
	return nil, err
}

// A renewal is what a Set does to a marker that is there.
type renewal int

const (
	replace renewal = iota
	touch           // it has content that is not ours to destroy
	leave           // a directory, a link, a device
)

func (m marker) renewal() renewal {
	info, err := os.Lstat(m.path)
	switch {
	case err != nil, info.Mode().IsRegular() && info.Size() == 0:
		return replace // if it has gone, the new one is what Set is to make
	case !info.Mode().IsRegular():
		return leave
	}
	text, _ := m.content()
	if _, ours := parseRecord(text); ours {
		return replace
	}
	if _, err := os.Lstat(m.path); err != nil {
		return replace // it was cleared before it could be read
	}
	return touch
}
