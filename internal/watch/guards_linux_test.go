package watch

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// If there are no watches left, an idle watch is removed to make room for a new one. The
// test runs in a user namespace that has only one watch.
func TestIdleWatchGivesWay(t *testing.T) {
	t.Parallel()
	if !allowOneWatch(t) {
		return
	}
	h := testHub(t, never)
	first, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	first.Close()
	if second, _ := on(t, h, filepath.Join(t.TempDir(), "a")); !watches(h, second) {
		t.Error("the second directory is polled because of ", second.entry.dir.reason)
	}
	if first.entry.dir.timer.Stop() {
		t.Error("the first directory will be checked")
	}
}

// A directory with a subscription keeps its watch although another one needs a watch.
func TestUsedWatchStays(t *testing.T) {
	t.Parallel()
	if !allowOneWatch(t) {
		return
	}
	h := testHub(t, never)
	first, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	second, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	if !watches(h, first) || len(h.dirs) != 2 || second.entry.dir.reason == "" {
		t.Errorf("the first directory has its watch: %v; %d directories; the second one is polled because of %q",
			watches(h, first), len(h.dirs), second.entry.dir.reason)
	}
}

// The hub has given up the watch of a directory, and then another directory is at its path.
// The kernel has only the watch on the new one.
func TestForgottenWatchIsRemoved(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), childDir(t)
	s, notified := on(t, h, filepath.Join(dir, "a"))
	stopTimer(t, s.entry.dir)
	former := replaceSilently(t, dir)
	h.mu.Lock()
	h.forget(s.entry.dir.watch)
	h.mu.Unlock()
	h.audited = time.Now() // so that no audit removes the watch
	h.check(s.entry.dir)
	if testproc.Watches(t, os.Getpid(), former) || !watches(h, s) {
		t.Errorf("the former directory is watched: %v, the new one: %v", testproc.Watches(t, os.Getpid(), former), watches(h, s))
	}
	proveReports(t, h, s, notified)
}

// A check opens the nearest directory that exists.
func TestCheckOpensTheParent(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	s, _ := on(t, h, filepath.Join(dir, "missing", "too", "a"))
	stopTimer(t, s.entry.dir)
	mustOpen(t, dir, func() { h.check(s.entry.dir) })
}

// mustOpen fails the test unless fn opens the directory.
func mustOpen(t *testing.T, dir string, fn func()) {
	t.Helper()
	opened := testproc.ReportsOf(t, unix.IN_OPEN, dir)
	fn()
	if opened() == "" {
		t.Error("the directory has not been opened")
	}
}

// allowOneWatch runs the test in a process that may have one watch, and reports whether
// this is that process.
func allowOneWatch(t *testing.T) bool {
	t.Helper()
	if os.Getenv("ONE_WATCH") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), "ONE_WATCH=1")
		if out, err := testproc.InUserNamespace(t, cmd, 0).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return false
	}
	must(t, os.WriteFile("/proc/sys/user/max_inotify_watches", []byte("1"), 0))
	return true
}

// A check opens the directory, so that an NFS client asks the server.
func TestCheckOpensTheDirectory(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	s, _ := on(t, h, filepath.Join(dir, "a"))
	mustOpen(t, dir, func() { h.check(s.entry.dir) })
}
