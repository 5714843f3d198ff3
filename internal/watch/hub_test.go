package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/fskind"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// never is the time between two checks if the test must pass without checks.
const never = time.Hour

func testHub(t *testing.T, every time.Duration) *hub {
	t.Helper()
	h := newHub(patientWatcher, every, time.Minute)
	t.Cleanup(func() {
		h.admin.Lock()
		defer h.admin.Unlock()
		if h.watcher != nil {
			h.watcher.Close()
			clear(h.narrowed) // the next watcher may have the same descriptor
		}
	})
	return h
}

// patientWatcher makes a watcher. If other programs of this user have used up the
// instances, it waits for one.
func patientWatcher() (*fsnotify.Watcher, error) {
	for end := time.Now().Add(testproc.Patience / 2); ; time.Sleep(time.Millisecond) {
		w, err := fsnotify.NewWatcher()
		if err == nil || time.Now().After(end) {
			return w, err
		}
	}
}

var must = testproc.Must

// on subscribes to the appearance of the entry at path until the test ends.
func on(t *testing.T, h *hub, path string) (*Subscription, <-chan struct{}) {
	t.Helper()
	return with(t, h, path, Appear)
}

// with is on with another interest.
func with(t *testing.T, h *hub, path string, interest Interest) (*Subscription, <-chan struct{}) {
	t.Helper()
	q := NewQueue()
	s, err := h.subscribe(q, path, interest, 0)
	must(t, err)
	t.Cleanup(s.Close)
	return s, q.C()
}

// watched returns the ID of the directory that the hub found for a subscription, and
// whether there is a watch.
func watched(h *hub, s *Subscription) (file.ID, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := s.entry.dir
	return d.id, d.attached && d.watch != ""
}

// watches reports whether a subscription has a watch on the directory that is at its path
// now.
func watches(h *hub, s *Subscription) bool {
	found, err := find(s.entry.dir.path)
	id, ok := watched(h, s)
	return err == nil && ok && id == found.ID
}

// checkNow makes the timer of the directory fire.
func (h *hub) checkNow(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.entry.dir.timer.Reset(0)
}

func expect(t *testing.T, notified <-chan struct{}) {
	t.Helper()
	select {
	case <-notified:
	case <-time.After(testproc.Patience):
		t.Fatal("no notification")
	}
}

func expectNone(t *testing.T, notified <-chan struct{}) {
	t.Helper()
	select {
	case <-notified:
		t.Fatal("a notification without a change")
	default:
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	must(t, os.WriteFile(path, nil, 0o644))
}

// Changes of an entry notify the subscriptions for it, and no others.
func TestNotifiesByName(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	_, a1 := on(t, h, a)
	_, a2 := on(t, h, a)
	_, b1 := on(t, h, b)
	for _, change := range []func(){
		func() { touch(t, a) },
		func() { must(t, os.Rename(a, a+".old")) },
		func() { must(t, os.Rename(a+".old", a)) },
		func() { must(t, os.Remove(a)) },
		func() { must(t, os.Mkdir(a, 0o755)) },
	} {
		change()
		expect(t, a1)
		expect(t, a2)
	}
	expectNone(t, b1)
	touch(t, b)
	expect(t, b1)
}

func TestClosedSubscription(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	s, gone := on(t, h, filepath.Join(dir, "a"))
	_, stays := on(t, h, filepath.Join(dir, "a"))
	s.Close()
	touch(t, filepath.Join(dir, "a"))
	expect(t, stays)
	expectNone(t, gone)
}

// A directory with several names has one watch, and all subscriptions are notified.
func TestSpellingsShareAWatch(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	real := filepath.Join(dir, "real")
	must(t, os.Mkdir(real, 0o755))
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	_, first := on(t, h, filepath.Join(dir, "link", "a"))
	_, second := on(t, h, filepath.Join(real, "a"))
	_, third := on(t, h, dir+"/link/../real//a")
	touch(t, filepath.Join(real, "a"))
	expect(t, first)
	expect(t, second)
	expect(t, third)
	if got := h.watcher.WatchList(); len(got) != 1 || len(h.watched[got[0]]) != 3 {
		t.Errorf("watched: %q", got)
	}
}

// If a is a symbolic link, a/.. is the parent of its target, as for the kernel.
func TestWatchesWhereTheKernelLooks(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "far", "away"), 0o755))
	if err := os.Symlink(filepath.Join("far", "away"), filepath.Join(dir, "link")); err != nil || runtime.GOOS == "windows" {
		t.Skip("no symbolic links, or paths that are cleaned by the system: ", err)
	}
	_, notified := on(t, h, dir+"/link/../a")
	touch(t, filepath.Join(dir, "far", "a"))
	expect(t, notified)
}

// There are so many reports that the kernel drops some, and among them the one that the
// subscription waits for.
func TestOverflow(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the test knows the size of the queue on Linux only")
	}
	h, dir := testHub(t, never), t.TempDir()
	_, notified := on(t, h, filepath.Join(dir, "wanted"))
	h.mu.Lock() // the hub reads no reports
	from, to := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	touch(t, from)
	for range 10000 { // two reports each; the kernel keeps 16384
		must(t, os.Rename(from, to))
		from, to = to, from
	}
	touch(t, filepath.Join(dir, "wanted"))
	h.mu.Unlock()
	expect(t, notified)
}

func TestErrorNotifiesAll(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	_, a := on(t, h, filepath.Join(t.TempDir(), "a"))
	_, b := on(t, h, filepath.Join(t.TempDir(), "b"))
	h.watcher.Errors <- errors.New("anything")
	expect(t, a)
	expect(t, b)
}

func TestNotADirectory(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	touch(t, filepath.Join(dir, "file"))
	_, err := h.subscribe(NewQueue(), filepath.Join(dir, "file", "a"), Appear, 0)
	if named := (*fs.PathError)(nil); !errors.As(err, &named) || !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("subscribe: %v", err)
	}
	if len(h.dirs) != 0 {
		t.Error("the failed subscription has left a dir")
	}
}

// A directory that is created later, with its parent, is found by polling and then
// watched.
func TestDirectoryThatComesLater(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	dir := filepath.Join(t.TempDir(), "parent", "dir")
	s, notified := on(t, h, filepath.Join(dir, "a"))
	expect(t, notified)
	must(t, os.MkdirAll(dir, 0o755))
	testproc.Until(t, "a watch", func() bool { return watches(h, s) })
	proveReports(t, h, s, notified)
	h.mu.Lock()
	defer h.mu.Unlock()
	if reason := s.entry.dir.reason; reason != "" {
		t.Errorf("still polled: %s", reason)
	}
}

// The directory is removed and created again. The subscription gets a watch of the
// new one, with or without reports.
func TestReplacedDirectory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a watched directory cannot be replaced on Windows")
	}
	for name, replace := range map[string]func(dir, old string) error{
		"removed": func(dir, _ string) error { return errors.Join(os.Remove(dir), os.Mkdir(dir, 0o755)) },
		"renamed": func(dir, old string) error { return errors.Join(os.Rename(dir, dir+old), os.Mkdir(dir, 0o755)) },
		"parent renamed": func(dir, old string) error {
			parent := filepath.Dir(dir)
			return errors.Join(os.Rename(parent, parent+old), os.MkdirAll(dir, 0o755))
		},
		"link moved": func(dir, old string) error {
			return errors.Join(os.Rename(dir, dir+old), os.Mkdir(dir+old+".new", 0o755), os.Symlink(dir+old+".new", dir))
		},
	} {
		for _, parentToo := range []bool{false, true} {
			t.Run(fmt.Sprint(name, parentToo), func(t *testing.T) {
				t.Parallel()
				h := testHub(t, 5*time.Millisecond)
				dir := filepath.Join(t.TempDir(), "parent", "dir")
				must(t, os.MkdirAll(dir, 0o755))
				s, notified := on(t, h, filepath.Join(dir, "a"))
				if parentToo { // fsnotify reports less about a directory whose parent it watches
					on(t, h, dir)
				}
				for i := range 3 {
					must(t, replace(dir, fmt.Sprint(".", i)))
					testproc.Until(t, "a watch on the new directory", func() bool {
						return watches(h, s)
					})
					expect(t, notified)
				}
				proveReports(t, h, s, notified)
			})
		}
	}
}

// proveReports stops the checks of a directory and proves that its watch works without
// them. It may need more than one change: a late report of the end of the former watch
// may end the new one, and then the next check makes another.
func proveReports(t *testing.T, h *hub, s *Subscription, notified <-chan struct{}) {
	t.Helper()
	d := s.entry.dir
	defer d.timer.Reset(0)
	path, stopped := filepath.Join(d.path, "a"), false
	ready := func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		stopped = d.timer.Stop() || stopped // false while a check is going on
		if stopped && d.watch == "" {
			d.timer.Reset(0)
			stopped = false
		}
		return stopped
	}
	for range 3 {
		testproc.Until(t, "a notification of a change", func() bool {
			if !ready() {
				return false
			}
			for len(notified) > 0 {
				<-notified
			}
			must(t, os.RemoveAll(path))
			touch(t, path)
			select {
			case <-notified:
				return true
			case <-time.After(100 * time.Millisecond):
				return false
			}
		})
	}
}

// When the removal of the directory is reported, the hub gives up the watch at once.
func TestRemovedDirectoryIsNoticed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a watched directory cannot be removed on Windows")
	}
	h := testHub(t, never)
	dir := filepath.Join(t.TempDir(), "dir")
	must(t, os.Mkdir(dir, 0o755))
	s, notified := on(t, h, filepath.Join(dir, "a"))
	must(t, os.Remove(dir))
	expect(t, notified)
	testproc.Until(t, "the watch is given up", func() bool { _, ok := watched(h, s); return !ok })
	must(t, os.Mkdir(dir, 0o755))
	testproc.Until(t, "a watch again", func() bool { return watches(h, s) })
	proveReports(t, h, s, notified)
}

// childDir returns a new directory in a new parent.
func childDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "parent", "dir")
	must(t, os.MkdirAll(dir, 0o755))
	return dir
}

// replaceSilently replaces a directory of childDir by a new one, and returns where the former
// one is. Nothing reports that, because its parent is renamed.
func replaceSilently(t *testing.T, dir string) (former string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the parent of a watched directory cannot be renamed on Windows")
	}
	parent := filepath.Dir(dir)
	must(t, os.Rename(parent, parent+".old"), os.MkdirAll(dir, 0o755))
	return filepath.Join(parent+".old", filepath.Base(dir))
}

// A new subscription for a directory that was replaced without a report gets a watch
// of the new one, and so do the earlier subscriptions.
func TestNewcomerFindsReplacement(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), childDir(t)
	first, _ := on(t, h, filepath.Join(dir, "a"))
	replaceSilently(t, dir)
	if watches(h, first) {
		t.Fatal("the hub has noticed it without a new subscription")
	}
	second, _ := on(t, h, filepath.Join(dir, "b"))
	if !watches(h, first) || !watches(h, second) {
		t.Error("the old directory is still watched")
	}
}

// The directory is removed without a report, because a process has it open.
func TestDirectoryRemovedInSilence(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a directory in use cannot be removed on Windows")
	}
	h := testHub(t, 5*time.Millisecond)
	dir := filepath.Join(t.TempDir(), "dir")
	must(t, os.Mkdir(dir, 0o755))
	inside, err := os.Open(dir)
	must(t, err)
	defer inside.Close()
	s, notified := on(t, h, filepath.Join(dir, "a"))
	must(t, os.Remove(dir))
	testproc.Until(t, "no watch", func() bool { _, ok := watched(h, s); return !ok })
	must(t, os.Mkdir(dir, 0o755))
	testproc.Until(t, "a watch again", func() bool { return watches(h, s) })
	proveReports(t, h, s, notified)
}

// At first no watcher can be made, and the timer sends the notifications. Later there is a
// watcher.
func TestPollsUntilThereIsAWatcher(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	refusal := error(syscall.EMFILE)
	h := testHub(t, 5*time.Millisecond)
	h.open = func() (*fsnotify.Watcher, error) {
		mu.Lock()
		defer mu.Unlock()
		if refusal != nil {
			return nil, refusal
		}
		return patientWatcher()
	}
	dir := t.TempDir()
	s, notified := on(t, h, filepath.Join(dir, "a"))
	expect(t, notified)
	expect(t, notified)
	mu.Lock()
	refusal = nil
	mu.Unlock()
	testproc.Until(t, "a watch", func() bool { return watches(h, s) })
	proveReports(t, h, s, notified)
}

// Without a watcher, a timer sends the notifications: often at first, then less and less
// often, and not after the end of the last subscription.
func TestPolling(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	h.open = noWatcher
	h.kind = silentKind // so that each poll sends a notification
	start := time.Now()
	s, notified := on(t, h, filepath.Join(t.TempDir(), "a"))
	for range 10 {
		expect(t, notified)
	}
	// 10 + 15 + 22 + ... ms
	if took := time.Since(start); took < 900*time.Millisecond {
		t.Errorf("ten polls within %v", took)
	}
	s.Close()
	testproc.Until(t, "the directory is forgotten", func() bool { return empty(h) })
}

func silentKind(string) fskind.Kind { return fskind.Kind{Name: "quiet", Silent: true} }

// empty reports whether the hub has no dir and no watch.
func empty(h *hub) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.dirs)+len(h.watched) == 0
}

// Waits for one directory, one after the other, share a watch. Some time after the last
// one there is neither a watch nor a watcher.
func TestIdleWatches(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	s, _ := on(t, h, filepath.Join(dir, "a"))
	d := s.entry.dir
	s.Close()
	s, _ = on(t, h, filepath.Join(dir, "b"))
	if s.entry.dir != d {
		t.Error("the watch was made anew")
	}
	s.Close()
	h.check(d)
	if empty(h) {
		t.Error("the watch was removed at the first check after the wait")
	}
	h.check(d)
	if !empty(h) || len(h.watcher.WatchList()) > 0 {
		t.Error("the watch was not removed at the second check after the wait")
	}
	on(t, h, filepath.Join(dir, "a"))
	if h.closing.Stop() {
		t.Error("the watcher is about to be closed during a wait")
	}

	h = testHub(t, time.Millisecond)
	h.idleTimeout = time.Millisecond
	s, _ = on(t, h, filepath.Join(dir, "a"))
	s.Close()
	testproc.Until(t, "the watcher is closed", func() bool {
		h.admin.Lock()
		defer h.admin.Unlock()
		return h.watcher == nil
	})
	h.idleTimeout = time.Hour
	s, notified := on(t, h, filepath.Join(dir, "a"))
	proveReports(t, h, s, notified)
}

// All operations at once, for the race detector. Nothing is left in the hub's maps.
func TestChurn(t *testing.T) {
	t.Parallel()
	h, root := testHub(t, time.Millisecond), t.TempDir()
	var wg sync.WaitGroup
	for i := range 3 {
		must(t, os.Mkdir(filepath.Join(root, fmt.Sprint(i)), 0o755))
	}
	for i := range 8 {
		dir := filepath.Join(root, fmt.Sprint(i%3))
		wg.Go(func() {
			for range 200 {
				s, err := h.subscribe(NewQueue(), filepath.Join(dir, "a"), Interest(i%3), 0)
				if i == 0 {
					os.RemoveAll(dir)
					os.Mkdir(dir, 0o755)
				} else {
					os.WriteFile(filepath.Join(dir, "a"), nil, 0o644)
					os.Remove(filepath.Join(dir, "a"))
				}
				if err == nil {
					s.Close()
				}
			}
		})
	}
	wg.Wait()
	testproc.Until(t, "nothing left", func() bool { return empty(h) })
}

// Subscribe works with the hub of the process.
func TestSubscribe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	q := NewQueue()
	s, err := q.Subscribe(path, Appear, 7)
	must(t, err)
	defer s.Close()
	touch(t, path)
	expect(t, q.C())
	if tags := q.Drain(nil); len(tags) != 1 || tags[0] != 7 {
		t.Errorf("notified: %v", tags)
	}
}

func TestRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	_, notified := on(t, testHub(t, never), "a")
	t.Chdir(t.TempDir())
	touch(t, filepath.Join(dir, "a"))
	expect(t, notified)
}
