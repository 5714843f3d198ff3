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

// A look is what is there at one moment.
type look struct {
	at      time.Time
	entries []entry
	labels  []string // what the entries are called in the table
	errs    []error  // what could not be looked at, by operand
	dirs    []string // those that were listed
}

// entry is a lock, a semaphore or an event.
type entry struct{ fsync.Entry }

// look looks at the operands, or at the default directory, in which there may
// be nothing, not even itself.
func (q *query) look() *look {
	l := &look{at: time.Now()}
	if len(q.operands) == 0 {
		dir, _ := userdir.Default() // check has asked for it
		l.dirs = []string{dir}
		l.fail(l.list(dir, ""), fs.ErrNotExist)
		return l
	}
	for _, operand := range q.operands {
		l.fail(l.add(operand, q))
	}
	return l
}

func (l *look) fail(err error, except ...error) {
	if err != nil && !slices.ContainsFunc(except, func(e error) bool { return errors.Is(err, e) }) {
		l.errs = append(l.errs, err)
	}
}

// add looks at what an operand is: a file that is missing is an error, except
// for an event, which is not set then.
func (l *look) add(operand string, q *query) error {
	info, err := os.Stat(operand)
	isEvent := strings.HasSuffix(operand, ".event") && (err != nil || !info.IsDir())
	switch {
	case isEvent:
		return l.one(fsync.KindEvent, operand)
	case err != nil:
		return err
	case info.IsDir() && isSemaphore(operand):
		return l.one(fsync.KindSemaphore, operand)
	case info.IsDir() && q.held:
		return l.one(fsync.KindLock, operand)
	case info.IsDir():
		l.dirs = append(l.dirs, operand)
		return l.list(operand, operand)
	}
	return l.one(fsync.KindLock, operand)
}

func isSemaphore(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "slots"))
	return err == nil || strings.HasSuffix(filepath.Clean(dir), ".sem")
}

// list adds what is in a directory. In the table it has the name that the
// commands take: a path, or, in the directory of names, what --name takes.
func (l *look) list(dir, named string) error {
	if _, err := os.Stat(dir); err != nil {
		return err // Open would make it
	}
	m, err := fsync.Open(dir)
	if err != nil {
		return err
	}
	list, err := m.List()
	for _, e := range list {
		l.entries = append(l.entries, entry{e})
		label := e.Name
		if named != "" {
			label = pathLabel(filepath.Join(named, filepath.Base(e.Path)))
		}
		l.labels = append(l.labels, label)
	}
	return err
}

// one adds what an operand is.
func (l *look) one(kind fsync.Kind, operand string) error {
	list := []fsync.Entry{{Kind: kind, Path: cwd.Reach(operand)}}
	fsync.Inspect(list)
	l.entries, l.labels = append(l.entries, entry{list[0]}), append(l.labels, pathLabel(operand))
	return nil
}

// pathLabel is a path that no command takes for an option.
func pathLabel(path string) string {
	if strings.HasPrefix(path, "-") {
		return "." + string(filepath.Separator) + path
	}
	return path
}

// again looks at the same again.
func (l *look) again() *look {
	next := &look{at: time.Now(), labels: l.labels}
	list := make([]fsync.Entry, len(l.entries))
	for i, e := range l.entries {
		list[i] = fsync.Entry{Kind: e.Kind, Name: e.Name, Path: e.Path}
	}
	fsync.Inspect(list)
	for _, e := range list {
		next.entries = append(next.entries, entry{e})
	}
	return next
}

// problems are the errors of the look, those of its entries included.
func (l *look) problems() []error {
	errs := slices.Clone(l.errs)
	for _, e := range l.entries {
		if e.Err != nil {
			errs = append(errs, e.Err)
		}
	}
	return errs
}

func (e entry) isSemaphore() bool { return e.Kind == fsync.KindSemaphore }

// full reports whether it is known to be held, all of it.
func (e entry) full() bool {
	return len(e.Holders) > 0 && e.slotsUsed() >= e.Slots
}

// slotsUsed counts slots: all processes that inherited one hold the same.
func (e entry) slotsUsed() int {
	slots := map[int]bool{}
	for _, h := range e.Holders {
		slots[h.Slot] = true
	}
	return len(slots)
}

// where says what was looked at, for people.
func (l *look) where() string { return strings.Join(l.dirs, " and ") }

func (l *look) circles() []fsync.Deadlock {
	list := make([]fsync.Entry, len(l.entries))
	for i, e := range l.entries {
		list[i] = e.Entry
	}
	return fsync.Deadlocks(list)
}

// confirmed returns the circles that were there before.
func confirmed(before, now []fsync.Deadlock) []fsync.Deadlock {
	seen := map[string]bool{}
	for _, c := range before {
		seen[circleKey(c)] = true
	}
	return slices.DeleteFunc(slices.Clone(now), func(c fsync.Deadlock) bool { return !seen[circleKey(c)] })
}

// circleKey tells circles apart: it begins with the lowest process ID.
func circleKey(c fsync.Deadlock) string {
	var links []string
	for _, link := range c {
		links = append(links, fmt.Sprintf("%d %s", link.PID, link.WaitsFor.Path))
	}
	least := 0
	for i := range c {
		if c[i].PID < c[least].PID {
			least = i
		}
	}
	return strings.Join(append(links[least:len(links):len(links)], links[:least]...), "\n")
}
