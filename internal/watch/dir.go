package watch

import (
	"cmp"
	"io/fs"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/fskind"
)

// A dir is the path of a directory in which subscriptions wait for entries, and what the
// hub knows of the directory at that path. The directory may be missing, and it may be
// replaced. The hub keeps a dir without subscriptions for one to two seconds, with its watch,
// because many programs wait in the same directory again and again.
type dir struct {
	key  string
	path string  // as the subscriptions give it, with its last separator
	in   cwd.Dir // the directory that path begins in

	// The hub's mu guards the fields below.
	entries map[string][]*entry // by folded name
	n       int                 // how many subscriptions
	idle    bool                // there was none at the last check

	attached bool    // false before hub.attach has set the fields below, and while it changes them
	id       file.ID // of the directory that was found at the path; zero if there was none
	kind     fskind.Kind
	watch    string // the path that the watcher has for it; empty if it has none
	reason   string // why it is polled; empty if it is not

	timer     *time.Timer   // for the next check
	pause     time.Duration // before that, while it is polled
	notBefore time.Time     // while it is polled, a new subscription brings no check earlier
	seen      snapshot      // at the last check that notified the subscriptions
	rest      []*entry      // the entries that the next checks notify

	looks chan struct{} // full while there are maxLooks looks
}

// current reports whether the dir has a watch on the directory that was found at its
// path. If none was found, for the reason err, current reports whether the dir is polled
// for that reason. The caller holds mu.
func (d *dir) current(found file.ID, err error) bool {
	if err != nil {
		return d.attached && d.reason == err.Error()
	}
	return d.attached && d.watch != "" && d.id == found
}

// split returns the directory of path with its last separator, the name, and the
// working directory that the path begins in. It does not clean the directory: a/../b is
// another file than b if a is a symbolic link.
func split(path string) (dir, name string, in cwd.Dir, err error) {
	at, in, err := cwd.At(path)
	if err != nil {
		return "", "", in, &fs.PathError{Op: "watch", Path: path, Err: err}
	}
	dir, name = filepath.Split(at)
	return cmp.Or(dir, "."+string(filepath.Separator)), name, in, nil
}

// now returns the path that leads to the directory now, after changes of the working
// directory. It is empty if no path does.
func (d *dir) now() string {
	path, err := d.in.Path(d.path)
	if err != nil {
		return ""
	}
	return path
}

// join and leave add and remove a subscription. The caller holds mu.
func (d *dir) join(s *Subscription, name string, interest Interest) {
	e := d.entry(name, interest)
	e.n.Add(1)
	e.changes.Add(1) // earlier looks do not count for this subscription
	s.entry = e
	if s.next = e.first; s.next != nil {
		s.next.prev = s
	}
	e.first = s
	d.n++
	d.idle = false
}

// fold returns a key that is the same for all names of one file. Most file systems of
// Windows and macOS ignore case; on one that does not, a needless notification does no harm.
// If a file system also ignores the Unicode normal form, a check finds the changes.
func fold(name string) string {
	switch runtime.GOOS {
	case "windows", "darwin", "ios":
		return strings.ToLower(name)
	}
	return name
}

func (d *dir) entry(name string, interest Interest) *entry {
	key := fold(name)
	for _, e := range d.entries[key] {
		if e.name == name && e.interest == interest {
			return e
		}
	}
	e := &entry{dir: d, name: name, interest: interest}
	d.entries[key] = append(d.entries[key], e)
	return e
}

func (d *dir) leave(s *Subscription) {
	d.n--
	e := s.entry
	e.n.Add(-1)
	if s.next != nil {
		s.next.prev = s.prev
	}
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		e.first = s.next
	}
	if e.first != nil {
		return
	}
	key := fold(e.name)
	left := slices.DeleteFunc(d.entries[key], func(other *entry) bool { return other == e })
	if d.entries[key] = left; len(left) == 0 {
		delete(d.entries, key)
	}
}

// notify appends the subscriptions that a change of the entry with that name concerns.
// The caller holds mu.
func (d *dir) notify(name string, op fsnotify.Op, due []*Subscription) []*Subscription {
	if op&fsnotify.Remove != 0 && strings.HasPrefix(name, callPrefix) {
		return d.notifyAll(due)
	}
	for _, e := range d.entries[fold(name)] {
		if e.interest.concerns(op) {
			due = e.notify(due)
		}
	}
	return due
}

// notifyAll appends all subscriptions. The caller holds mu.
func (d *dir) notifyAll(due []*Subscription) []*Subscription {
	for _, entries := range d.entries {
		for _, e := range entries {
			due = e.notify(due)
		}
	}
	return due
}

// lostWatch is the reason why a dir is polled until it is attached again.
const lostWatch = "its watch was lost"

// news returns a function that logs how the dir has changed since before.
func (d *dir) news(before *dir) func() {
	lost := before.reason == lostWatch || before.watch != "" && (before.watch != d.watch || before.id != d.id)
	switch {
	case d.reason != "" && d.reason != before.reason:
		return debug("fileevent: polling a directory", "dir", d.path, "reason", d.reason, "watched", d.watch != "")
	case lost:
		return debug("fileevent: a watch was lost and made anew", "dir", d.path)
	case d.reason == "" && before.reason != "":
		return debug("fileevent: polling a directory no more", "dir", d.path)
	}
	return func() {}
}

func debug(message string, args ...any) func() {
	return func() { slog.Debug(message, args...) }
}
