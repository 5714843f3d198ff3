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
	"github.com/fsync-lock/fsync/internal/testproc"
)

// never is the period of a patrol that must not help.
const never = time.Hour

func testHub(t *testing.T, every time.Duration) *hub {
	t.Helper()
	h := newHub(patientWatcher, every)
	t.Cleanup(func() {
		h.admin.Lock()
		defer h.admin.Unlock()
		if h.watcher != nil {
			h.watcher.Close()
		}
	})
	return h
}

// patientWatcher waits until it gets a watcher, if other programs of this user have
// used up the instances.
func patientWatcher() (*fsnotify.Watcher, error) {
	for end := time.Now().Add(testproc.Patience / 2); ; time.Sleep(time.Millisecond) {
		w, err := openWatcher()
		if err == nil || time.Now().After(end) {
			return w, err
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// on subscribes until the test ends.
func on(t *testing.T, h *hub, path string) (*Subscription, <-chan struct{}) {
	t.Helper()
	return aims(t, h, path, Appear)
}

func aims(t *testing.T, h *hub, path string, aim Aim) (*Subscription, <-chan struct{}) {
	t.Helper()
	b := NewInbox()
	s, err := h.subscribe(b, path, aim, 0)
	must(t, err)
	t.Cleanup(s.Close)
	return s, b.Wake()
}

// watchOf returns the watch of a subscription's place.
func watchOf(h *hub, s *Subscription) *dirWatch {
	h.mu.Lock()
	defer h.mu.Unlock()
	return s.spot.place.on
}

// watches reports whether the directory that stands there now is watched for
// the subscription.
func watches(h *hub, s *Subscription) bool {
	id, err := identify(s.spot.place.dir)
	w := watchOf(h, s)
	return err == nil && w != nil && w.id == id
}

func nudged(t *testing.T, nudge <-chan struct{}) {
	t.Helper()
	select {
	case <-nudge:
	case <-time.After(testproc.Patience):
		t.Fatal("no nudge")
	}
}

func still(t *testing.T, nudge <-chan struct{}) {
	t.Helper()
	select {
	case <-nudge:
		t.Fatal("a nudge for nothing")
	default:
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	must(t, os.WriteFile(path, nil, 0o644))
}

// Changes of an entry nudge the subscriptions for it, and no others.
func TestNudgesByName(t *testing.T) {
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
		nudged(t, a1)
		nudged(t, a2)
	}
	still(t, b1)
	touch(t, b)
	nudged(t, b1)
}

func TestClosedSubscription(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	s, gone := on(t, h, filepath.Join(dir, "a"))
	_, stays := on(t, h, filepath.Join(dir, "a"))
	s.Close()
	s.Close()
	touch(t, filepath.Join(dir, "a"))
	nudged(t, stays)
	still(t, gone)
}

// A directory with several names has one watch, and all subscriptions are nudged.
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
	nudged(t, first)
	nudged(t, second)
	nudged(t, third)
	if got := h.watcher.WatchList(); len(got) != 1 {
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
	_, nudge := on(t, h, dir+"/link/../a")
	touch(t, filepath.Join(dir, "far", "a"))
	nudged(t, nudge)
}

// There are so many events that the kernel drops some, and the awaited one too.
func TestOverflowNudges(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the test knows the size of the queue on Linux only")
	}
	h, dir := testHub(t, never), t.TempDir()
	_, nudge := on(t, h, filepath.Join(dir, "wanted"))
	h.mu.Lock() // nobody drains
	noise := filepath.Join(dir, "noise")
	for range 20000 {
		touch(t, noise)
		must(t, os.Remove(noise))
	}
	touch(t, filepath.Join(dir, "wanted"))
	h.mu.Unlock()
	nudged(t, nudge)
}

func TestErrorNudgesEverybody(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	_, a := on(t, h, filepath.Join(t.TempDir(), "a"))
	_, b := on(t, h, filepath.Join(t.TempDir(), "b"))
	h.watcher.Errors <- errors.New("anything")
	nudged(t, a)
	nudged(t, b)
}

func TestNotADirectory(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	touch(t, filepath.Join(dir, "file"))
	_, err := h.subscribe(NewInbox(), filepath.Join(dir, "file", "a"), Appear, 0)
	if named := (*fs.PathError)(nil); !errors.As(err, &named) || !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("subscribe: %v", err)
	}
	if len(h.places) != 0 {
		t.Error("failures are remembered")
	}
}

// A directory that is created later, with its parent, is found by polling and then
// watched.
func TestDirectoryThatComesLater(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	dir := filepath.Join(t.TempDir(), "parent", "dir")
	s, nudge := on(t, h, filepath.Join(dir, "a"))
	nudged(t, nudge)
	must(t, os.MkdirAll(dir, 0o755))
	testproc.Until(t, "a watch", func() bool { return watches(h, s) })
	h.pauseAndProve(t, dir, nudge)
	if w := s.spot.place.why; w != "" {
		t.Errorf("still polled: %s", w)
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
				s, nudge := on(t, h, filepath.Join(dir, "a"))
				if parentToo { // fsnotify reports less about a directory whose parent it watches
					on(t, h, dir)
				}
				for i := range 3 {
					must(t, replace(dir, fmt.Sprint(".", i)))
					testproc.Until(t, "a watch on the new directory", func() bool {
						return watches(h, s)
					})
					nudged(t, nudge)
				}
				h.pauseAndProve(t, dir, nudge)
			})
		}
	}
}

// pauseAndProve blinds the patrol and proves that the watch works without it. That
// may take more than one change, because the watch may still be being made.
func (h *hub) pauseAndProve(t *testing.T, dir string, nudge <-chan struct{}) {
	t.Helper()
	h.blind.Store(true)
	defer h.blind.Store(false)
	testproc.Until(t, "nobody examines", func() bool { // who began before it was blinded
		h.mu.Lock()
		defer h.mu.Unlock()
		return !h.places[withSeparator(dir)].busy
	})
	path := filepath.Join(dir, "a")
	for range 3 {
		testproc.Until(t, "a nudge for a change", func() bool {
			for len(nudge) > 0 {
				<-nudge
			}
			must(t, os.RemoveAll(path))
			touch(t, path)
			select {
			case <-nudge:
				return true
			case <-time.After(100 * time.Millisecond):
				return false
			}
		})
	}
}

// A report about the directory itself takes effect at once.
func TestRemovedDirectoryIsNoticed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a watched directory cannot be removed on Windows")
	}
	h := testHub(t, never)
	dir := filepath.Join(t.TempDir(), "dir")
	must(t, os.Mkdir(dir, 0o755))
	s, nudge := on(t, h, filepath.Join(dir, "a"))
	was := watchOf(h, s)
	must(t, os.Remove(dir))
	nudged(t, nudge)
	testproc.Until(t, "the watch is given up", func() bool { return watchOf(h, s) != was })
	must(t, os.Mkdir(dir, 0o755))
	testproc.Until(t, "a watch again", func() bool { return watches(h, s) })
	h.pauseAndProve(t, dir, nudge)
}

// A new subscription for a directory that was replaced without a report gets a watch
// of the new one, and so do the earlier subscriptions.
func TestNewcomerFindsReplacement(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the parent of a watched directory cannot be renamed on Windows")
	}
	h := testHub(t, never)
	dir := filepath.Join(t.TempDir(), "parent", "dir")
	must(t, os.MkdirAll(dir, 0o755))
	first, _ := on(t, h, filepath.Join(dir, "a"))
	parent := filepath.Dir(dir)
	must(t, errors.Join(os.Rename(parent, parent+".old"), os.MkdirAll(dir, 0o755)))
	if watches(h, first) {
		t.Fatal("somebody has noticed already")
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
	s, nudge := on(t, h, filepath.Join(dir, "a"))
	must(t, os.Remove(dir))
	testproc.Until(t, "no watch", func() bool { return watchOf(h, s) == nil })
	must(t, os.Mkdir(dir, 0o755))
	testproc.Until(t, "a watch again", func() bool { return watches(h, s) })
	h.pauseAndProve(t, dir, nudge)
}

// At first no watcher can be made: the timer sends the nudges. Later the patrol gets
// one.
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
	s, nudge := on(t, h, filepath.Join(dir, "a"))
	nudged(t, nudge)
	nudged(t, nudge)
	mu.Lock()
	refusal = nil
	mu.Unlock()
	testproc.Until(t, "a watch", func() bool { return watches(h, s) })
	h.pauseAndProve(t, dir, nudge)
}

func TestPollingWithoutPatrol(t *testing.T) {
	t.Parallel()
	h := testHub(t, never)
	h.open = func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }
	start := time.Now()
	s, nudge := on(t, h, filepath.Join(t.TempDir(), "a"))
	for range 10 {
		nudged(t, nudge)
	}
	// 10 + 15 + 22 + ... ms
	if took := time.Since(start); took < 900*time.Millisecond {
		t.Errorf("ten polls within %v", took)
	}
	s.Close()
	testproc.Until(t, "the timer has stopped", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return !s.spot.place.poll.Stop()
	})
}

// Repeated waits for one directory use the same watch. After the last wait nothing
// is left, not even the patrol.
func TestIdleWatches(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	s, _ := on(t, h, filepath.Join(dir, "a"))
	w := watchOf(h, s)
	s.Close()
	s, _ = on(t, h, filepath.Join(dir, "b"))
	if watchOf(h, s) != w {
		t.Error("the watch was made anew")
	}
	s.Close()
	for range 4 * maxIdle {
		s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
		s.Close()
	}
	testproc.Until(t, "not too many idle watches", func() bool { return len(h.watcher.WatchList()) <= maxIdle })

	h = testHub(t, time.Millisecond)
	s, _ = on(t, h, filepath.Join(dir, "a"))
	s.Close()
	testproc.Until(t, "nothing left", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.byID)+len(h.byPath)+len(h.places)+h.idle == 0 && !h.patrolling
	})
	if h.watcher != nil {
		t.Error("the watcher has not been let go")
	}
	_, nudge := on(t, h, filepath.Join(dir, "a"))
	h.pauseAndProve(t, dir, nudge)
}

// All operations at once, for the race detector; the hub's maps stay consistent.
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
				s, err := h.subscribe(NewInbox(), filepath.Join(dir, "a"), Aim(i%3), 0)
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
	testproc.Until(t, "nothing left", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.byID)+len(h.byPath)+len(h.places)+h.idle == 0 && !h.patrolling
	})
}

// Subscribe works with the hub of the process.
func TestSubscribe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	b := NewInbox()
	s, err := b.Subscribe(path, Appear, 7)
	must(t, err)
	defer s.Close()
	touch(t, path)
	nudged(t, b.Wake())
	if tags := b.Nudged(nil); len(tags) != 1 || tags[0] != 7 {
		t.Errorf("nudged: %v", tags)
	}
}

func TestRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	_, nudge := on(t, testHub(t, never), "a")
	t.Chdir(t.TempDir())
	touch(t, filepath.Join(dir, "a"))
	nudged(t, nudge)
}
