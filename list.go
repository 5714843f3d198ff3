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
	"github.com/fsync-lock/fsync/internal/file"
)

// List returns the locks, semaphores and events in the directory, ordered by
// name, and the state of each, as [Inspect] finds it. It lists each file that is
// called NAME.lock, NAME.sem or NAME.event, with a name that a Manager accepts. So a
// lock or a semaphore is listed once a process has acquired it for the first time, and an
// event only while it is set. The error is an [*fs.PathError] if the directory cannot be
// read; if one state cannot be read, that entry has an Err.
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
	for _, f := range files {
		for _, s := range suffixes {
			name, ok := strings.CutSuffix(f.Name(), s.suffix)
			if ok && checkName(name) == nil {
				entries = append(entries, Entry{Kind: s.kind, Name: name, Path: cwd.Join(dir, f.Name())})
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
// find out the state of an entry, it sets Err of that entry. If the file of a lock
// or a semaphore is missing, its status is Free: a hold on a file that was removed is
// not seen.
//
// A state is a best effort and may be stale; see [filelock.Inspect] and
// [fileevent.Event.Info]. Inspect locks nothing and writes nothing.
func Inspect(entries []Entry) {
	var lockers []filelock.Inspectable
	var lockable []*Entry // in the order of lockers
	for i := range entries {
		e := &entries[i]
		if locker := e.locker(); locker != nil {
			lockers, lockable = append(lockers, locker), append(lockable, e)
		}
	}
	inspectEvents(entries)
	for i, state := range filelock.Inspect(lockers...) {
		lockable[i].State = lockable[i].afterResize(state)
	}
}

// locker returns the lock or the semaphore of the entry. It returns nil for an
// event and for a semaphore that no process has used. After an error it sets Err
// and returns nil.
func (e *Entry) locker() (l filelock.Inspectable) {
	switch e.Kind {
	case KindLock:
		if e.Err = e.checkType(); e.Err != nil {
			return nil
		}
		if e.Name == "" {
			return filelock.New(e.Path, filelock.AnyFile())
		}
		return filelock.New(e.Path)
	case KindSemaphore:
		slots, err := filelock.Slots(e.Path)
		if err == nil {
			e.Slots = slots
			return filelock.NewSemaphore(e.Path, slots)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			e.Err = err
		}
	}
	return nil
}

// checkType returns an error if the file at the path is of a type that no process
// can lock. A missing file counts as a regular one.
func (e *Entry) checkType() error {
	stat, wrong := file.Lstat, "neither a regular file nor a directory"
	if e.Name == "" {
		stat, wrong = file.Stat, "neither a file nor a directory nor a device"
	}
	info, err := stat(e.Path)
	switch {
	case err != nil:
		return err
	case info.Mode.IsRegular(), info.Mode.IsDir(), e.Name == "" && info.Mode&fs.ModeDevice != 0:
		return nil
	}
	return &fs.PathError{Op: "inspect", Path: e.Path, Err: fmt.Errorf("%w: %s", fs.ErrInvalid, wrong)}
}

// afterResize inspects a semaphore again if it was resized after its number of
// slots was read.
func (e *Entry) afterResize(s filelock.State) filelock.State {
	for range 10 { // it may be resized again and again
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

// inspectEvents fills in the Info of events, of up to 64 at a time: Info takes some
// milliseconds for an event that was set just now.
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
			<-slots
		})
	}
	all.Wait()
}
