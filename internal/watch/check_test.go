package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/fskind"
	"github.com/fsync-lock/fsync/internal/sidecar"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// checked makes a check and reports whether the check has notified the subscription.
func checked(h *hub, s *Subscription) bool {
	s.queue.Drain(nil)
	h.check(s.entry.dir)
	for !s.entry.dir.timer.Stop() { // on a busy machine it may have fired again
		time.Sleep(time.Millisecond)
	}
	return len(s.queue.Drain(nil)) > 0
}

func noWatcher() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }

// quietHub returns a hub with a subscription for a directory in which nothing changes. The
// timer of the directory is stopped.
func quietHub(t *testing.T, open func() (*fsnotify.Watcher, error)) (h *hub, s *Subscription, dir string) {
	t.Helper()
	h, dir = testHub(t, never), t.TempDir()
	h.open = open
	must(t, os.Mkdir(filepath.Join(dir, sidecar.Dir), 0o755))
	h.young = 0
	s, _ = on(t, h, filepath.Join(dir, "a"))
	testproc.Until(t, "no check is going on", func() bool { return s.entry.dir.timer.Stop() })
	checked(h, s)
	return h, s, dir
}

// A check notifies only if an entry of the directory or of its sidecar was created, removed
// or renamed since the last check. It also notifies if the entry was created and removed.
func TestCheckComparesSnapshots(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not tell whether a directory has changed")
	}
	h, s, dir := quietHub(t, noWatcher)
	if checked(h, s) {
		t.Error("nothing has changed: a notification")
	}
	other := filepath.Join(dir, "other")
	for what, change := range map[string]func() error{
		"an entry": func() error { return errors.Join(os.Mkdir(other, 0o755), os.Remove(other)) },
		"a sidecar's file": func() error {
			return errors.Join(os.MkdirAll(filepath.Join(dir, sidecar.Dir), 0o755), os.WriteFile(filepath.Join(dir, sidecar.Dir, "a"), nil, 0o644))
		},
		"no sidecar": func() error { return os.RemoveAll(filepath.Join(dir, sidecar.Dir)) },
		"a former time": func() error {
			return errors.Join(os.Mkdir(other, 0o755), os.Remove(other), os.Chtimes(dir, time.Unix(1, 0), time.Unix(1, 0)))
		},
	} {
		was := s.entry.dir.seen
		testproc.Until(t, "the file system's clock has stepped", func() bool {
			must(t, change())
			_, now, err := h.examine(s.entry.dir)
			must(t, err)
			return now != was
		})
		if !checked(h, s) {
			t.Errorf("%s: no notification", what)
		}
		if checked(h, s) {
			t.Errorf("%s: another notification, without another change", what)
		}
	}
}

// A recent time of change proves nothing, because the next change may get the same time.
func TestRecentChangeProvesNothing(t *testing.T) {
	t.Parallel()
	h, s, dir := quietHub(t, noWatcher)
	h.young = time.Hour
	for range 3 {
		if !checked(h, s) {
			t.Error("a directory that has just changed: no notification")
		}
	}
	must(t, os.RemoveAll(dir))
	for range 3 {
		if !checked(h, s) {
			t.Error("a missing directory: no notification")
		}
	}
}

// A file system that does not report all changes is watched and polled.
func TestSilentFileSystem(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	h.kind, h.young = silentKind, 0
	s, notified := on(t, h, filepath.Join(dir, "a"))
	for range 3 {
		expect(t, notified) // without any change
	}
	if !watches(h, s) || s.entry.dir.reason != "quiet does not report all changes" {
		t.Errorf("watched: %v; polled because %q", watches(h, s), s.entry.dir.reason)
	}
	proveReports(t, h, s, notified)
}

// A directory with a new subscription is polled often, even if other subscriptions are old.
func TestNewcomerIsPolledSoon(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	h.open = noWatcher
	dir := t.TempDir()
	s, _ := on(t, h, filepath.Join(dir, "a"))
	d := s.entry.dir
	pause := func() time.Duration {
		h.mu.Lock()
		defer h.mu.Unlock()
		return d.pause
	}
	testproc.Until(t, "it is polled less and less often", func() bool { return pause() == pollLast })
	on(t, h, filepath.Join(dir, "b"))
	if got := pause(); got >= pollLast {
		t.Errorf("it is polled after %v", got)
	}
}

// If a check of a polled directory was expensive, new subscriptions do not bring the next
// one earlier.
func TestNewcomerAfterAnExpensiveCheck(t *testing.T) {
	t.Parallel()
	h, s, dir := quietHub(t, noWatcher)
	d := s.entry.dir
	for range 5000 {
		on(t, h, filepath.Join(dir, "b"))
	}
	h.young = time.Hour // so that the check wakes them
	d.timer.Stop()
	h.check(d)
	h.mu.Lock()
	if d.notBefore.IsZero() {
		t.Error("a new subscription brings the next check earlier")
	}
	d.notBefore = time.Now().Add(time.Hour) // the machine may be slow
	was := d.pause
	h.mu.Unlock()
	on(t, h, filepath.Join(dir, "c"))
	h.mu.Lock()
	if d.pause != was {
		t.Errorf("the pause was %v and is %v", was, d.pause)
	}
	d.notBefore = time.Time{}
	h.mu.Unlock()
	on(t, h, filepath.Join(dir, "d"))
	h.mu.Lock()
	defer h.mu.Unlock()
	if d.pause > pollFirst {
		t.Errorf("later, the pause is %v", d.pause)
	}
}

// After looks on a network file system the pause is longer, because each look asks the
// server.
func TestLooksOnANetwork(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	h.kind = func(string) fskind.Kind { return fskind.Kind{Name: "far", Silent: true, Network: true} }
	s, _ := on(t, h, filepath.Join(dir, "a"))
	d := s.entry.dir
	for range 1000 {
		on(t, h, filepath.Join(dir, "b"))
	}
	testproc.Until(t, "no check is going on", d.timer.Stop)
	h.check(d)
	h.mu.Lock()
	defer h.mu.Unlock()
	if d.pause < 2*time.Second {
		t.Errorf("1000 waiters are woken again after %v", d.pause)
	}
}

// Polling slows down to four times a second, and to once a second if a check takes long.
func TestNextPause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason            string
		pause, took, want time.Duration
	}{
		{"no watcher", pollFirst, 0, 15 * time.Millisecond},
		{"no watcher", 200 * time.Millisecond, 0, pollLast},
		{"no watcher", pollLast, 24 * time.Millisecond, pollLast},
		{"no watcher", pollLast, 50 * time.Millisecond, 500 * time.Millisecond},
		{"no watcher", pollLast, time.Second, time.Second},
		{lostWatch, pollLast, 0, 0},
		{"", pollLast, 0, time.Second},
		{"", pollLast, time.Minute, time.Second},
	} {
		d := dir{reason: c.reason, pause: c.pause}
		if got := d.next(time.Second, c.took, 0); got != c.want {
			t.Errorf("%q, %v, %v: the next pause is %v, want %v", c.reason, c.pause, c.took, got, c.want)
		}
	}
}

// If many waiters are polled, their looks make the next pause longer.
func TestManyLooksOfPolledWaiters(t *testing.T) {
	t.Parallel()
	h, s, dir := quietHub(t, noWatcher)
	h.young = time.Hour
	for range 5000 {
		on(t, h, filepath.Join(dir, "b"))
	}
	s.entry.dir.timer.Stop()
	h.check(s.entry.dir)
	if pause := s.entry.dir.pause; pause < 5000*localLookCost*checkShare {
		t.Errorf("5000 waiters are woken again after %v", pause)
	}
}

// If many waiters are watched, each check wakes some of them, and none is left out.
func TestManyLooksOfWatchedWaiters(t *testing.T) {
	t.Parallel()
	if missesPulses() {
		t.Skip("each check wakes all waiters here")
	}
	h, s, dir := quietHub(t, patientWatcher)
	d := s.entry.dir
	h.check(d)
	const n = 3000
	q := NewQueue()
	for i := range n {
		s, err := h.subscribe(q, filepath.Join(dir, fmt.Sprint(i)), Appear, i)
		must(t, err)
		t.Cleanup(s.Close)
	}
	q.Drain(nil)
	d.seen = snapshot{} // as after a change without a report
	woken := map[int]bool{}
	for checks := 1; len(woken) < n; checks++ {
		h.check(d)
		some := q.Drain(nil)
		if len(some) > fewLooks || checks > n/fewLooks+1 {
			t.Fatalf("check %d wakes %d waiters, and %d before", checks, len(some), len(woken))
		}
		for _, i := range some {
			woken[i] = true
		}
	}
	h.check(d)
	if again := q.Drain(nil); len(again) > 0 {
		t.Errorf("%d waiters are woken again", len(again))
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	folds := runtime.GOOS == "windows" || runtime.GOOS == "darwin" || runtime.GOOS == "ios"
	if fold("Ready") == fold("ready") != folds {
		t.Error("fold does not fit the system")
	}
}
