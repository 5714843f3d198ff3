package watch

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// Between the end of a watch and the next watch, no change is reported. So the subscriptions
// are notified when the watch ends and when there is another one.
func TestLostWatchNotifiesTwice(t *testing.T) {
	t.Parallel()
	h, s, _ := quietHub(t, patientWatcher)
	d := s.entry.dir
	h.mu.Lock()
	before := h.forget(d.watch)
	h.mu.Unlock()
	if after := checked(h, s); len(before) != 1 || !after {
		t.Errorf("%d notifications at the end of the watch, want 1; notified after it: %v", len(before), after)
	}
	if !watches(h, s) {
		t.Error("there is no other watch")
	}
}

// When a watch ends, its subscriptions get another watch at once.
func TestLostWatch(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	s, notified := on(t, h, filepath.Join(t.TempDir(), "a"))
	h.mu.Lock()
	h.forget(s.entry.dir.watch)
	h.mu.Unlock()
	testproc.Until(t, "another watch", func() bool { return watches(h, s) })
	proveReports(t, h, s, notified)
}

// The path leads to another directory, through a symbolic link. The former directory is no
// longer watched.
func TestMovedLinkLeavesNoWatch(t *testing.T) {
	t.Parallel()
	h, root := testHub(t, never), t.TempDir()
	link := filepath.Join(root, "link")
	must(t, os.Mkdir(filepath.Join(root, "1"), 0o755), os.Mkdir(filepath.Join(root, "2"), 0o755))
	if err := os.Symlink("1", link); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	s, _ := on(t, h, filepath.Join(link, "a"))
	must(t, os.Remove(link), os.Symlink("2", link))
	h.check(s.entry.dir)
	if got := h.watcher.WatchList(); len(got) != 1 || filepath.Base(got[0]) != "2" {
		t.Errorf("watched: %q", got)
	}
}

// A watch may end while a dir is attached to it.
func TestLostWhileAttached(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	d, stop := s.entry.dir, make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				h.mu.Lock()
				for path := range h.watched {
					h.forget(path)
				}
				h.mu.Unlock()
			}
		}
	}()
	found, err := find(d.path)
	must(t, err)
	for range 3000 {
		h.attach(d, found.ID, nil)
		h.mu.Lock()
		if d.attached && d.watch == "" && d.reason == "" {
			t.Error("neither watched nor polled")
		}
		if d.watch != "" && len(h.watched[d.watch]) != 1 {
			t.Errorf("%d dirs under its watch", len(h.watched[d.watch]))
		}
		h.mu.Unlock()
	}
}

// The directory at a path is replaced after the hub has read its ID and before there is a
// watch: the watch is on another directory. No path of the directory with that ID shares it.
func TestReplacedBeforeItIsWatched(t *testing.T) {
	t.Parallel()
	h, root := testHub(t, never), t.TempDir()
	one, two := filepath.Join(root, "1"), filepath.Join(root, "2")
	must(t, os.Mkdir(one, 0o755), os.Mkdir(two, 0o755))
	first, _ := on(t, h, filepath.Join(one, "a"))
	wrong, err := find(two)
	must(t, err)
	h.attach(first.entry.dir, wrong.ID, nil)
	second, notified := on(t, h, filepath.Join(two, "a"))
	h.mu.Lock()
	watch := second.entry.dir.watch
	h.mu.Unlock()
	if filepath.Base(watch) != "2" {
		t.Fatalf("directory 2 has the watch on %q", watch)
	}
	proveReports(t, h, second, notified)
	testproc.Until(t, "a watch on directory 1", func() bool { return watches(h, first) })
}

// Reports of the root directory have two separators.
func TestRootDirectory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no one root on Windows")
	}
	h := testHub(t, never)
	on(t, h, "/a")
	if due := h.concerned(fsnotify.Event{Name: "//a", Op: fsnotify.Create}, nil); len(due) != 1 {
		t.Errorf("%d notifications, want 1", len(due))
	}
}

// An entry with one subscription keeps no look.
func TestLookAloneKeepsNothing(t *testing.T) {
	t.Parallel()
	s, _ := on(t, testHub(t, never), filepath.Join(t.TempDir(), "a"))
	var c counter
	s.Look(c.look)
	if s.entry.last.Load() != nil {
		t.Error("a look is kept that no subscription shares")
	}
}

// A directory is renamed, and two paths share its watch: the former one and the new one.
// Then another directory gets the former path. The new path gets another watch.
func TestNameOfAnotherDirectory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the parent of a watched directory cannot be renamed on Windows")
	}
	h, root := testHub(t, 5*time.Millisecond), t.TempDir()
	was, is := filepath.Join(root, "was", "dir"), filepath.Join(root, "is", "dir")
	must(t, os.MkdirAll(was, 0o755))
	on(t, h, filepath.Join(was, "a"))
	must(t, os.Rename(filepath.Dir(was), filepath.Dir(is)))
	s, notified := on(t, h, filepath.Join(is, "a"))
	must(t, os.MkdirAll(was, 0o755))
	on(t, h, filepath.Join(was, "b"))
	testproc.Until(t, "a watch", func() bool { return watches(h, s) })
	proveReports(t, h, s, notified)
}
