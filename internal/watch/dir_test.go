package watch

import (
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A wait between two checks makes the directory idle again: it is kept until the second
// check after the wait.
func TestShortWaitKeepsTheWatch(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	s, _ := on(t, h, filepath.Join(dir, "a"))
	s.Close()
	h.check(s.entry.dir)
	s, _ = on(t, h, filepath.Join(dir, "a"))
	s.Close()
	h.check(s.entry.dir)
	if empty(h) {
		t.Error("the watch was removed at the first check after the wait")
	}
}

// A directory is dropped to make room for others while a check of it goes on. The check
// makes no watch for it.
func TestDroppedDuringACheck(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	s.Close()
	h.admin.Lock()
	h.dropIdle(func(*dir) bool { return true })
	h.admin.Unlock()
	h.check(s.entry.dir)
	if !empty(h) || len(h.watcher.WatchList()) > 0 {
		t.Error("there is a watch that no dir will remove")
	}
}

// A second Close does not end another subscription.
func TestSecondClose(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	gone, _ := on(t, h, filepath.Join(dir, "a"))
	_, stays := on(t, h, filepath.Join(dir, "a"))
	gone.Close()
	gone.Close()
	h.check(gone.entry.dir)
	h.check(gone.entry.dir)
	for len(stays) > 0 {
		<-stays
	}
	touch(t, filepath.Join(dir, "a"))
	expect(t, stays)
}

// A new subscription finds another directory at the path. The earlier subscriptions are
// notified at once: nothing has reported what is new in that directory.
func TestNewcomerTellsOthersOfReplacement(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), childDir(t)
	_, earlier := on(t, h, filepath.Join(dir, "a"))
	replaceSilently(t, dir)
	touch(t, filepath.Join(dir, "a"))
	expectNone(t, earlier)
	on(t, h, filepath.Join(dir, "b"))
	select {
	case <-earlier:
	default:
		t.Error("the earlier subscription was not notified")
	}
}

// A directory whose watch was lost gets another one without a pause, so that waiters
// wake as fast as with the former watch.
func TestLostWatchIsReplacedWithoutPause(t *testing.T) {
	t.Parallel()
	h, s, _ := quietHub(t, patientWatcher)
	d := s.entry.dir
	d.timer.Reset(never)
	h.mu.Lock()
	h.forget(d.watch)
	pause := d.pause
	h.mu.Unlock()
	if pause != 0 {
		t.Errorf("the watch is replaced after %v", pause)
	}
}

// stopTimer stops the checks of a directory. A check that is going on ends first.
func stopTimer(t *testing.T, d *dir) {
	t.Helper()
	testproc.Until(t, "no check is going on", d.timer.Stop)
}

// The time of an idle watcher is over just when a new subscription begins. The watcher stays.
func TestWatcherIsUsedAgainInTime(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	s, notified := on(t, h, filepath.Join(t.TempDir(), "a"))
	h.closeIdle()
	proveReports(t, h, s, notified)
}

// The hub has never had a watcher when the time of an idle watcher is over.
func TestNoWatcherToClose(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	h.open = noWatcher
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	s.Close()
	h.check(s.entry.dir)
	h.check(s.entry.dir)
	if !empty(h) {
		t.Error("there is still a directory")
	}
	h.closeIdle()
}
