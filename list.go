package fsync

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/printable"
)

// A Kind says whether an entry is a lock, a semaphore or an event.
type Kind string

// Kinds do not share their names: a lock and an event may have the same name.
const (
	KindLock      Kind = "lock"
	KindSemaphore Kind = "semaphore"
	KindEvent     Kind = "event"
)

// Entry is a lock, a semaphore or an event, and its state.
type Entry struct {
	Kind Kind
	Name string // in the Manager's directory; empty for an entry given by its path
	Path string

	// Of a lock or a semaphore; see [filelock.State].
	Slots    int // of a semaphore only; 0 if the number is not written yet
	Holders  []filelock.Holder
	Waiters  []filelock.Waiter
	Recorded []filelock.Record
	Posix    []filelock.PosixLock
	Unknown  string // why there may be other holders; empty if there are none

	Set  bool           // of an event
	Info fileevent.Info // of an event: when it was set, and which process set it
	Err  error          // why the state is not known
}

// suffixes are the ends of file names, by kind.
var suffixes = []struct {
	kind   Kind
	suffix string
}{{KindLock, ".lock"}, {KindSemaphore, ".sem"}, {KindEvent, ".event"}}

// List returns the locks, semaphores and events in the directory, ordered by
// name, and the state of each, as [Inspect] finds it. A lock or a semaphore is
// in the list once a process has acquired it; an event is in it only while it is
// set, because an event that is not set has no file. List leaves out files whose
// name is not one of a Manager.
func (m *Manager) List() ([]Entry, error) {
	dir, err := m.here()
	if err != nil {
		return nil, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, file := range files {
		for _, s := range suffixes {
			name, ok := strings.CutSuffix(file.Name(), s.suffix)
			if ok && checkName(name) == nil {
				entries = append(entries, Entry{Kind: s.kind, Name: name, Path: cwd.Within(dir, file.Name())})
			}
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	Inspect(entries)
	return entries, nil
}

// Inspect fills in the state of each entry. The caller sets Kind and Path, and
// Name for an entry of a Manager. A lock without a Name may be a device, and its
// path may be a symbolic link, as with [filelock.AnyFile]. If Inspect cannot
// find out the state of an entry, it sets Err of that entry; the others are not
// affected.
//
// A state is a best effort and may be stale; see [filelock.Inspect] and
// [fileevent.Event.Info]. Inspect locks nothing and writes nothing.
func Inspect(entries []Entry) {
	var lockers []filelock.Locker
	var of []*Entry
	for i := range entries {
		e := &entries[i]
		switch e.Kind {
		case KindLock:
			if e.Err = e.lockable(); e.Err == nil {
				lockers, of = append(lockers, e.lock()), append(of, e)
			}
		case KindSemaphore:
			if e.Slots, e.Err = filelock.Slots(e.Path); e.Err == nil {
				lockers, of = append(lockers, filelock.NewSemaphore(e.Path, e.Slots)), append(of, e)
			}
		}
	}
	inspectEvents(entries)
	for i, state := range filelock.Inspect(lockers...) {
		of[i].setState(of[i].afterResize(state))
	}
}

// afterResize looks again at a semaphore that was resized after its number of slots was
// read.
func (e *Entry) afterResize(s filelock.State) filelock.State {
	for range 10 {
		if e.Kind != KindSemaphore || !errors.Is(s.Err, fs.ErrInvalid) {
			break
		}
		n, err := filelock.Slots(e.Path)
		if err != nil {
			break
		}
		e.Slots = n
		s = filelock.Inspect(filelock.NewSemaphore(e.Path, n))[0]
	}
	return s
}

// lock returns the lock of the entry. For an entry without a name it is the lock
// that fsync-lock takes for that path.
func (e *Entry) lock() *filelock.Lock {
	if e.Name == "" {
		return filelock.New(e.Path, filelock.AnyFile())
	}
	return filelock.New(e.Path)
}

// lockable returns an error if the file at the path is of a type that no process
// can lock.
func (e *Entry) lockable() error {
	look, types := os.Lstat, "neither a regular file nor a directory"
	if e.Name == "" {
		look, types = os.Stat, "neither a file nor a directory nor a device"
	}
	info, err := look(e.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // no process has locked it yet
	case err != nil:
		return err
	case info.Mode().IsRegular(), info.IsDir(), e.Name == "" && info.Mode()&fs.ModeDevice != 0:
		return nil
	}
	return &fs.PathError{Op: "inspect", Path: e.Path, Err: fmt.Errorf("%w: %s", fs.ErrInvalid, types)}
}

func (e *Entry) setState(s filelock.State) {
	e.Holders, e.Waiters, e.Recorded, e.Posix, e.Unknown, e.Err = s.Holders, s.Waiters, s.Recorded, s.Posix, s.Unknown, s.Err
}

// Status returns whether a lock, or any slot of a semaphore, is held. If the
// status is unknown, Err or Unknown says why. The status of an event is always
// unknown.
func (e Entry) Status() filelock.Status {
	if e.Kind == KindEvent {
		return filelock.Unknown
	}
	if e.Kind == KindSemaphore && errors.Is(e.Err, fs.ErrNotExist) {
		return filelock.Free // no process has acquired a slot yet
	}
	return filelock.State{Holders: e.Holders, Unknown: e.Unknown, Err: e.Err}.Status()
}

// String describes the entry on one line without control characters:
// lock nightly: held by pid 4242 (rsync -a /srv) on web1 for 2m13s; 1 waits.
func (e Entry) String() string {
	name := e.Name
	if name == "" {
		name = e.Path
	}
	return fmt.Sprintf("%s %s: %s", e.Kind, printable.Shorten(name, 240), strings.Join(e.says(), "; "))
}

// says returns the parts of the description.
func (e Entry) says() []string {
	switch {
	case e.Err != nil && e.Status() == filelock.Unknown:
		return []string{"unknown: " + printable.Shorten(e.Err.Error(), 240)}
	case e.Kind == KindEvent:
		return []string{e.Info.String()}
	}
	state := string(e.Status())
	holds := filelock.Holds(e.Holders)
	switch {
	case e.Status() == filelock.Unknown:
		state += ": " + e.Unknown
	case e.Kind == KindSemaphore && len(holds) > 0:
		state = fmt.Sprintf("%d of %d slots held", len(holds), e.Slots)
	}
	for i, hold := range holds {
		state += []string{" by ", ", "}[min(i, 1)] + hold[0].String()
	}
	says := []string{state}
	for _, r := range e.Recorded {
		says = append(says, r.String())
	}
	for _, p := range e.Posix {
		says = append(says, p.String())
	}
	if n := len(e.Waiters); n == 1 {
		says = append(says, "1 waits")
	} else if n > 1 {
		says = append(says, fmt.Sprintf("%d wait", n))
	}
	return says
}

// inspectEvents looks at up to 64 events at a time: Info takes some milliseconds
// for an event that was set just now.
func inspectEvents(entries []Entry) {
	slots := make(chan struct{}, 64)
	var all sync.WaitGroup
	for i := range entries {
		e := &entries[i]
		if e.Kind != KindEvent {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			e.Info, e.Err = fileevent.New(e.Path).Info()
			e.Set = e.Info.Set
			<-slots
		})
	}
	all.Wait()
}
