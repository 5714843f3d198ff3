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

// never is the patrol's period where it must not help.
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

// patientWatcher waits for a watcher where other programs of this user have
// taken all there are.
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
	nudge := make(chan struct{}, 1)
	s, err := h.subscribe(path, nudge)
	must(t, err)
	t.Cleanup(s.Close)
	return s, nudge
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

// Changes of an entry reach those who asked for it, and no others.
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

// A directory under several names has one watch, and all are told.
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

// The kernel takes a/.. for the parent of what a links to, and so do we.
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

// So many events that the kernel drops some, among them the one that is
// waited for.
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

func TestMissingDirectory(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	touch(t, filepath.Join(dir, "file"))
	for path, want := range map[string]error{
		filepath.Join(dir, "missing", "a"): fs.ErrNotExist,
		filepath.Join(dir, "file", "a"):    syscall.ENOTDIR,
	} {
		_, err := h.subscribe(path, make(chan struct{}, 1))
		if named := (*fs.PathError)(nil); !errors.As(err, &named) || !errors.Is(err, want) {
			t.Errorf("subscribe(%q): %v", path, err)
		}
	}
	if len(h.subs) != 0 {
		t.Error("failures are remembered")
	}
}

// The directory goes and comes back. The subscription ends up on a watch of the
// new one, whatever the system told or did not tell about it.
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
						id, err := identify(dir)
						h.mu.Lock()
						defer h.mu.Unlock()
						return err == nil && s.on != nil && s.on.id == id
					})
					nudged(t, nudge)
				}
				h.pauseAndProve(t, dir, nudge)
			})
		}
	}
}

// pauseAndProve stops the patrol and proves that the watch works without.
func (h *hub) pauseAndProve(t *testing.T, dir string, nudge <-chan struct{}) {
	t.Helper()
	h.admin.Lock() // the patrol waits here, before it nudges
	defer h.admin.Unlock()
	for len(nudge) > 0 {
		<-nudge
	}
	touch(t, filepath.Join(dir, "a"))
	nudged(t, nudge)
}

// The directory was removed in silence, because somebody is in it.
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
	testproc.Until(t, "no watch", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return s.on == nil
	})
	must(t, os.Mkdir(dir, 0o755))
	testproc.Until(t, "a watch again", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return s.on != nil
	})
	h.pauseAndProve(t, dir, nudge)
}

// There is no watcher to be had at first: nudges come by the timer. Later there
// is one, and the patrol finds out.
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
	testproc.Until(t, "a watch", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return s.on != nil
	})
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
		return !s.poll.Stop()
	})
}

// One who waits again and again on a directory finds the watch still there;
// one who stops leaves nothing behind, not even the patrol.
func TestIdleWatches(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	s, _ := on(t, h, filepath.Join(dir, "a"))
	w := s.on
	s.Close()
	s, _ = on(t, h, filepath.Join(dir, "b"))
	if s.on != w {
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
		return len(h.byID)+len(h.byPath)+len(h.subs)+h.idle == 0 && !h.patrolling
	})
	if left := h.watcher.WatchList(); len(left) > 0 {
		t.Errorf("watched: %q", left)
	}
}

// Everything at once, for the race detector and the books.
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
				s, err := h.subscribe(filepath.Join(dir, "a"), make(chan struct{}, 1))
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
		return len(h.byID)+len(h.byPath)+len(h.subs)+h.idle == 0 && !h.patrolling
	})
}

// The hub of the process, as others use it.
func TestSubscribe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	nudge := make(chan struct{}, 1)
	s, err := Subscribe(path, nudge)
	must(t, err)
	defer s.Close()
	touch(t, path)
	nudged(t, nudge)
}

func TestRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	_, nudge := on(t, testHub(t, never), "a")
	t.Chdir(t.TempDir())
	touch(t, filepath.Join(dir, "a"))
	nudged(t, nudge)
}
