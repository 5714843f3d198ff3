package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// Another directory is renamed to the path of an empty one, whose parent is watched, too.
// fsnotify reports only the creation of an entry in the parent.
func TestDirectoryRenamedOverAnother(t *testing.T) {
	t.Parallel()
	h, parent := testHub(t, never), t.TempDir()
	dir, other := filepath.Join(parent, "dir"), filepath.Join(parent, "other")
	must(t, errors.Join(os.Mkdir(dir, 0o755), os.Mkdir(other, 0o755)))
	s, notified := on(t, h, filepath.Join(dir, "a"))
	on(t, h, dir)
	must(t, syscall.Rename(other, dir)) // os.Rename replaces no directory
	testproc.Until(t, "a watch on the new directory", func() bool { return watches(h, s) })
	proveReports(t, h, s, notified)
}

// Two goroutines have found that a directory needs a watch. The second one keeps the watch
// of the first: between two watches, no change would be reported.
func TestAttachedAlready(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	d := s.entry.dir
	fd, ok := descriptor(h.watcher)
	if !ok {
		t.Fatal("no descriptor")
	}
	watches := func() string { // each new watch of an instance has another number
		text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
		must(t, err)
		return string(text)
	}
	before := watches()
	found, err := find(d.path)
	must(t, err)
	h.attach(d, found.ID, nil)
	if after := watches(); after != before {
		t.Errorf("the watch was made anew: %q, then %q", before, after)
	}
}

// Another directory has the one watch that is allowed, and is idle. While it gives way, the
// last subscription of a directory that is attached again ends. The watch is not forgotten.
func TestLastSubscriptionEndsWhileAttached(t *testing.T) {
	t.Parallel()
	if !allowOneWatch(t) {
		return
	}
	h := testHub(t, never)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	d := s.entry.dir
	stopTimer(t, d)
	w := h.watcher
	h.mu.Lock()
	path := d.watch
	h.forget(path)
	h.mu.Unlock()
	must(t, w.Remove(path))
	idle, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	idle.Close()
	h.watcher = nil
	h.open = func() (*fsnotify.Watcher, error) {
		s.Close()
		return w, nil
	}
	h.check(d)
	for _, watched := range w.WatchList() {
		if h.watched[watched] == nil {
			t.Error("a directory is watched, and no dir knows it")
		}
	}
}

// A report about a directory comes after the next directory at the path has a watch. The last
// subscription ends before the path is attached again. The watch is removed, by the next check
// of another directory, or at once if there is no other one.
func TestLateReportLeavesNoWatch(t *testing.T) {
	t.Parallel()
	for _, others := range []int{0, 1} {
		h := testHub(t, never)
		var want []string
		var check []*dir
		s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
		for range others {
			other, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
			stopTimer(t, other.entry.dir)
			check, want = append(check, other.entry.dir), append(want, other.entry.dir.watch)
		}
		stopTimer(t, s.entry.dir)
		h.concerned(fsnotify.Event{Name: s.entry.dir.watch, Op: fsnotify.Create}, nil)
		s.Close()
		h.check(s.entry.dir)
		for _, d := range check {
			h.check(d)
		}
		if got := h.watcher.WatchList(); !slices.Equal(got, want) {
			t.Errorf("these directories are watched: %q, want only %q", got, want)
		}
	}
}
