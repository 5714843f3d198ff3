package watch

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/fskind"
)

// A missing directory is polled because it is missing. It has no place among the directories
// that are watched.
func TestMissingDirectoryIsPolled(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "missing", "a"))
	d := s.entry.dir
	stopTimer(t, d)
	want := "watch " + d.path + ": file does not exist"
	for range 2 {
		if d.reason != want || len(h.watched) > 0 {
			t.Errorf("it is polled because %q, want %q; %d watches", d.reason, want, len(h.watched))
		}
		h.check(d)
		stopTimer(t, d)
	}
	s.Close()
	h.check(d)
	if !empty(h) {
		t.Error("the idle directory is still polled")
	}
}

// An idle directory keeps its watch while other directories come and go.
func TestIdleDirectoryStays(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	idle, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	idle.Close()
	other, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	other.Close()
	h.check(other.entry.dir)
	h.check(other.entry.dir)
	if !watches(h, idle) || len(h.dirs) != 1 || h.dirs[idle.entry.dir.key] == nil || h.closing != nil {
		t.Errorf("%d directories are left, and the watcher is about to be closed: %v", len(h.dirs), h.closing != nil)
	}
}

// A wait that lasted longer than a check leaves the directory its watch for a while, too.
func TestLongWaitKeepsTheWatch(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	h.check(s.entry.dir)
	s.Close()
	h.check(s.entry.dir)
	if empty(h) {
		t.Error("the watch was removed at the first check after the wait")
	}
}

// A watcher that nobody uses is closed, and gives its instance back.
func TestIdleWatcherIsClosed(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	w := h.watcher
	s.Close()
	h.admin.Lock()
	h.dropIdle(func(*dir) bool { return true })
	h.admin.Unlock()
	h.closing.Stop()
	h.closeIdle()
	if err := w.Add(t.TempDir()); !errors.Is(err, fsnotify.ErrClosed) {
		t.Errorf("the watcher is not closed: %v", err)
	}
}

// The watch of a directory that is polled, too, is lost. There is another one without a pause.
func TestLostWatchOfASilentDirectory(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	h.kind = silentKind
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	d := s.entry.dir
	stopTimer(t, d)
	d.pause = pollLast
	h.mu.Lock()
	h.forget(d.watch)
	h.mu.Unlock()
	if d.pause != 0 {
		t.Errorf("the watch is replaced after %v", d.pause)
	}
}

// A new subscription brings the next check of a polled directory forward.
func TestNewcomerStartsTheTimer(t *testing.T) {
	t.Parallel()
	h, s, dir := quietHub(t, noWatcher)
	d := s.entry.dir
	h.mu.Lock()
	d.pause = pollLast
	d.timer.Reset(never)
	h.mu.Unlock()
	_, notified := on(t, h, filepath.Join(dir, "b"))
	touch(t, filepath.Join(dir, "b"))
	expect(t, notified)
}

// Each check of a polled directory wakes all waiters, also if they are many.
func TestPolledWaitersWakeTogether(t *testing.T) {
	t.Parallel()
	h, s, dir := quietHub(t, noWatcher)
	h.young = time.Hour
	q := NewQueue()
	for i := range 2 * fewLooks {
		s, err := h.subscribe(q, filepath.Join(dir, "b"), Interest(i%2), i)
		must(t, err)
		t.Cleanup(s.Close)
	}
	s.entry.dir.timer.Stop()
	q.Drain(nil)
	h.check(s.entry.dir)
	if woken := q.Drain(nil); len(woken) != 2*fewLooks {
		t.Errorf("%d of %d waiters are woken", len(woken), 2*fewLooks)
	}
}

// The watches are audited at most twice between two checks of a directory.
func TestAuditIsRare(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	on(t, h, filepath.Join(t.TempDir(), "a"))
	h.audit()
	first := h.audited
	h.audit()
	if first.IsZero() || h.audited != first {
		t.Errorf("audited at %v, and then at %v", first, h.audited)
	}
}

// After the end of the other subscriptions of an entry, a look is not kept.
func TestLookOfTheLastKeepsNothing(t *testing.T) {
	t.Parallel()
	h, path := testHub(t, never), filepath.Join(t.TempDir(), "a")
	s, _ := on(t, h, path)
	other, _ := on(t, h, path)
	other.Close()
	var c counter
	s.Look(c.look)
	if s.entry.last.Load() != nil {
		t.Error("a look is kept that no subscription shares")
	}
}

// A wait for the end of an entry is not woken when the entry appears.
func TestVanishIgnoresCreation(t *testing.T) {
	t.Parallel()
	if Vanish.concerns(fsnotify.Create) || !Vanish.concerns(fsnotify.Remove) || !Vanish.concerns(fsnotify.Rename) {
		t.Error("a wait for the end of an entry is woken by another change")
	}
}

func TestLookCost(t *testing.T) {
	t.Parallel()
	near, far := dir{}, dir{kind: fskind.Kind{Network: true}}
	if near.lookCost() != localLookCost || far.lookCost() != networkLookCost {
		t.Errorf("a look costs %v here and %v on a network", near.lookCost(), far.lookCost())
	}
}

// A directory that is gone keeps its path.
func TestResolveMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing")
	if got := resolve(path + string(filepath.Separator)); got != path {
		t.Errorf("resolve returns %q", got)
	}
}

// A directory is dropped while it is checked. There are no more checks of it.
func TestDroppedDirectoryIsNotChecked(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	d := s.entry.dir
	s.Close()
	h.admin.Lock()
	h.dropIdle(func(*dir) bool { return true })
	h.admin.Unlock()
	h.check(d)
	if d.timer.Stop() {
		t.Error("it will be checked")
	}
}

// The directory at a path is replaced before it is watched: the watch on the other directory
// is removed.
func TestWrongWatchIsRemoved(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	stopTimer(t, s.entry.dir)
	wrong, err := find(t.TempDir())
	must(t, err)
	h.attach(s.entry.dir, wrong.ID, nil)
	if s.entry.dir.reason != errReplaced.Error() || len(h.watcher.WatchList()) > 0 {
		t.Errorf("polled because %q; watched: %q", s.entry.dir.reason, h.watcher.WatchList())
	}
}
