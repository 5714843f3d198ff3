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
	"github.com/fsync-lock/fsync/internal/plain"
)

// A Kind is what a name in a directory stands for.
type Kind string

// The kinds that there are. Locks, semaphores and events have names of their
// own: a lock and an event may have the same one.
const (
	Lock      Kind = "lock"
	Semaphore Kind = "semaphore"
	Event     Kind = "event"
)

// Entry is a lock, a semaphore or an event, and its state.
type Entry struct {
	Kind    Kind
	Name    string // in the directory; empty if it is not of a Manager
	Path    string
	Slots   int               // how many slots a semaphore has; 0 if that is not written yet
	Holders []filelock.Holder // of a lock or a semaphore
	Waiters []filelock.Waiter // of a lock or a semaphore

	Recorded []filelock.Record    // of a lock or a semaphore: see [filelock.State]
	Posix    []filelock.PosixLock // likewise
	Unknown  string               // likewise: why there may be other holders; empty = there are none

	Set  bool           // of an event
	Info fileevent.Info // of an event: who set it
	Err  error          // why its state is not known
}

// suffixes are what is behind the names in a directory.
var suffixes = []struct {
	kind   Kind
	suffix string
}{{Lock, ".lock"}, {Semaphore, ".sem"}, {Event, ".event"}}

// List returns every lock, semaphore and event in the directory, and its
// state, as [Inspect] does, in the order of their names. Only what has been
// acquired or set before is there to be found: an event that is not set leaves
// no file. What has no name that a Manager takes is not listed.
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

// Inspect finds out the state of each entry, of which it needs Kind and Path.
// A lock without a Name may be on a device, or reached by a symbolic link, as
// with [filelock.AnyFile].
// What cannot be looked at gets an Err, and spoils nothing else.
//
// States are the best effort of the moment, as [filelock.Inspect] and
// [fileevent.Event.Info] say. Nothing is locked for it and nothing written.
func Inspect(entries []Entry) {
	var lockers []filelock.Locker
	var of []*Entry
	for i := range entries {
		e := &entries[i]
		switch e.Kind {
		case Lock:
			if e.Err = e.lockable(); e.Err == nil {
				lockers, of = append(lockers, e.lock()), append(of, e)
			}
		case Semaphore:
			if e.Slots, e.Err = filelock.Slots(e.Path); e.Err == nil {
				lockers, of = append(lockers, filelock.NewSemaphore(e.Path, e.Slots)), append(of, e)
			}
		}
	}
	inspectEvents(entries)
	for i, state := range filelock.Inspect(lockers...) {
		of[i].setState(state)
	}
}

// lock is the lock of the entry. One with a path and no name is what fsync-lock
// locks by that path.
func (e *Entry) lock() *filelock.Lock {
	if e.Name == "" {
		return filelock.New(e.Path, filelock.AnyFile())
	}
	return filelock.New(e.Path)
}

// lockable says why what stands at the path cannot be locked, whoever tries.
func (e *Entry) lockable() error {
	look, types := os.Lstat, "neither a regular file nor a directory"
	if e.Name == "" {
		look, types = os.Stat, "neither a file nor a directory nor a device"
	}
	info, err := look(e.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // nobody has locked it yet
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

// Status returns whether a lock, or any slot of a semaphore, is held. It is
// unknown if Err or Unknown says why, and for an event.
func (e Entry) Status() filelock.Status {
	if e.Kind == Event {
		return filelock.Unknown
	}
	if e.Kind == Semaphore && errors.Is(e.Err, fs.ErrNotExist) {
		return filelock.Free // nobody has acquired a slot yet
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
	return fmt.Sprintf("%s %s: %s", e.Kind, plain.Shorten(name, 240), strings.Join(e.says(), "; "))
}

// says are the parts of a description.
func (e Entry) says() []string {
	switch {
	case e.Err != nil && e.Status() == filelock.Unknown:
		return []string{"unknown: " + plain.Shorten(e.Err.Error(), 240)}
	case e.Kind == Event:
		return []string{e.Info.String()}
	}
	state := string(e.Status())
	holds := filelock.Holds(e.Holders)
	switch {
	case e.Status() == filelock.Unknown:
		state += ": " + e.Unknown
	case e.Kind == Semaphore && len(holds) > 0:
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

// inspectEvents looks at many at once: Info takes some milliseconds for an event
// that was set just now.
func inspectEvents(entries []Entry) {
	slots := make(chan struct{}, 64)
	var all sync.WaitGroup
	for i := range entries {
		e := &entries[i]
		if e.Kind != Event {
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
