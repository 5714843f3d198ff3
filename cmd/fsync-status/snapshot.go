package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/internal/cwd"
)

// A snapshot is the state of the operands at one moment.
type snapshot struct {
	at      time.Time
	entries []entry
	errs    []error  // of operands that could not be read
	dirs    []string // the directories that were listed
}

// An entry is a lock, a semaphore or an event.
type entry struct {
	fsync.Entry
	label string // its name in the table
}

// takeSnapshot reads the state of the operands, or of the default directory, which
// may be missing.
func (q *query) takeSnapshot() *snapshot {
	s := &snapshot{at: time.Now()}
	if len(q.operands) == 0 {
		dir, _ := userdir.Default() // check has returned its error
		s.dirs = []string{dir}
		if err := s.addDirectory(dir, ""); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.errs = append(s.errs, err)
		}
		return s
	}
	for _, operand := range q.operands {
		if err := s.add(operand, q.held); err != nil {
			s.errs = append(s.errs, err)
		}
	}
	return s
}

// add adds the entry or the entries that an operand names. With --held, a directory
// is a lock. A missing file is an error, except for an event: the event is not set.
func (s *snapshot) add(operand string, held bool) error {
	info, err := os.Stat(operand)
	isEvent := strings.HasSuffix(operand, ".event") && (err != nil || !info.IsDir())
	switch {
	case isEvent:
		s.addOne(fsync.KindEvent, operand)
	case err != nil:
		return err
	case info.IsDir() && isSemaphore(operand):
		s.addOne(fsync.KindSemaphore, operand)
	case info.IsDir() && !held:
		s.dirs = append(s.dirs, operand)
		return s.addDirectory(operand, operand)
	default:
		s.addOne(fsync.KindLock, operand)
	}
	return nil
}

// isSemaphore reports whether a directory is a semaphore.
func isSemaphore(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "slots"))
	return err == nil || strings.HasSuffix(filepath.Clean(dir), ".sem")
}

// addDirectory adds the entries of a directory. Their labels are paths below
// prefix. Without a prefix, as in the default directory, they are names for --name.
func (s *snapshot) addDirectory(dir, prefix string) error {
	if _, err := os.Stat(dir); err != nil {
		return err // Open would make it
	}
	m, err := fsync.Open(dir)
	if err != nil {
		return err
	}
	list, err := m.List()
	for _, e := range list {
		label := e.Name
		if prefix != "" {
			label = pathLabel(filepath.Join(prefix, filepath.Base(e.Path)))
		}
		s.entries = append(s.entries, entry{e, label})
	}
	return err
}

func (s *snapshot) addOne(kind fsync.Kind, operand string) {
	list := []fsync.Entry{{Kind: kind, Path: cwd.Abs(operand)}}
	fsync.Inspect(list)
	s.entries = append(s.entries, entry{list[0], pathLabel(operand)})
}

// pathLabel returns the path as a command accepts it: with a "./" if it looks like an
// option.
func pathLabel(path string) string {
	if strings.HasPrefix(path, "-") {
		return "." + string(filepath.Separator) + path
	}
	return path
}

// takeAgain returns a new snapshot of the same entries.
func (s *snapshot) takeAgain() *snapshot {
	list := s.list()
	for i, e := range list {
		list[i] = fsync.Entry{Kind: e.Kind, Name: e.Name, Path: e.Path}
	}
	next := &snapshot{at: time.Now()}
	fsync.Inspect(list)
	for i, e := range list {
		next.entries = append(next.entries, entry{e, s.entries[i].label})
	}
	return next
}

func (s *snapshot) list() []fsync.Entry {
	list := make([]fsync.Entry, len(s.entries))
	for i, e := range s.entries {
		list[i] = e.Entry
	}
	return list
}

// allErrors returns the errors of the operands and of the entries.
func (s *snapshot) allErrors() []error {
	errs := slices.Clone(s.errs)
	for _, e := range s.entries {
		if e.Err != nil {
			errs = append(errs, e.Err)
		}
	}
	return errs
}

// where names the directories that were listed.
func (s *snapshot) where() string { return strings.Join(s.dirs, " and ") }

// isFull reports whether all slots of a semaphore, or a lock, are known to be held.
func (e entry) isFull() bool { return len(e.Holders) > 0 && e.slotsHeld() >= e.Slots }

// slotsHeld counts slots, not holders: the processes that inherited a slot share
// it.
func (e entry) slotsHeld() int {
	slots := map[int]bool{}
	for _, h := range e.Holders {
		slots[h.Slot] = true
	}
	return len(slots)
}

func (s *snapshot) deadlocks() []fsync.Deadlock { return fsync.Deadlocks(s.list()) }

// confirmed returns the deadlocks that an earlier snapshot has, too.
func confirmed(earlier, now []fsync.Deadlock) []fsync.Deadlock {
	seen := map[string]bool{}
	for _, d := range earlier {
		seen[deadlockKey(d)] = true
	}
	return slices.DeleteFunc(slices.Clone(now), func(d fsync.Deadlock) bool { return !seen[deadlockKey(d)] })
}

// deadlockKey returns the same text for the same cycle, whichever link comes first in it:
// the text begins with the lowest process ID.
func deadlockKey(d fsync.Deadlock) string {
	var links []string
	for _, link := range d {
		links = append(links, fmt.Sprintf("%d %s", link.PID, link.WaitsFor.Path))
	}
	first := 0
	for i := range d {
		if d[i].PID < d[first].PID {
			first = i
		}
	}
	return strings.Join(append(links[first:len(links):len(links)], links[:first]...), "\n")
}
