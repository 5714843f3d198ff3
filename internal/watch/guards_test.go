package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/sidecar"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// restingHub returns a hub without a patrol, to test what works without it.
func restingHub(t *testing.T) *hub {
	h := testHub(t, never)
	h.patrolling = true
	return h
}

// When a watch is given up, its subscriptions are nudged, and polled until there is
// another watch, even if the patrol is late.
func TestGivenUpWatchIsPolled(t *testing.T) {
	t.Parallel()
	h := restingHub(t)
	s, nudge := on(t, h, filepath.Join(t.TempDir(), "a"))
	h.mu.Lock()
	due := h.forget(s.spot.place.on)
	h.mu.Unlock()
	if len(due) != 1 {
		t.Errorf("%d of one are told", len(due))
	}
	nudged(t, nudge) // by the timer
}

// A patrol skips places that are still being examined.
func TestBusyPlaceIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := restingHub(t)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	if one, two := len(h.list()), len(h.list()); one != 1 || two != 0 {
		t.Errorf("two patrols inspect %d and %d places", one, two)
	}
	h.release(s.spot.place)
	if got := len(h.list()); got != 1 {
		t.Errorf("released, %d places", got)
	}
}

// Events of the root directory have two separators.
func TestRootDirectory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no one root on Windows")
	}
	h := restingHub(t)
	on(t, h, "/a")
	if due := h.dispatch(fsnotify.Event{Name: "//a", Op: fsnotify.Create}, nil); len(due) != 1 {
		t.Errorf("%d of one are told", len(due))
	}
}

// A watch may be given up while a place is moved to it.
func TestGivenUpWhileAttached(t *testing.T) {
	t.Parallel()
	h := restingHub(t)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	p, stop := s.spot.place, make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				h.everyWatch(func(w *dirWatch) { h.forget(w) })
			}
		}
	}()
	for range 3000 {
		h.settle(p)
		h.mu.Lock()
		if w := p.on; w != nil && h.byID[w.id] != w {
			t.Error("on a watch that was given up")
			h.mu.Unlock()
			return
		}
		h.mu.Unlock()
	}
}

func (h *hub) everyWatch(f func(*dirWatch)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range h.byID {
		f(w)
	}
}

// An announcement between the subscription and the first examination is not missed.
func TestFirstExamination(t *testing.T) {
	t.Parallel()
	h, dir, b := restingHub(t), t.TempDir(), NewInbox()
	must(t, os.Mkdir(filepath.Join(dir, sidecar.Dir), 0o755))
	readBoard(withSeparator(dir)) // makes it
	var p *place
	for i := range many {
		s, err := h.subscribe(b, filepath.Join(dir, fmt.Sprint("e", i)), Appear, i)
		must(t, err)
		t.Cleanup(s.Close)
		p = s.spot.place
	}
	must(t, Announce(filepath.Join(dir, "e11")))
	if got := b.examined(h, p); !slices.Contains(got, 11) {
		t.Errorf("e11 was announced, nudged: %v", got)
	}
}

// A spot with one subscription keeps no sight.
func TestLookAloneKeepsNothing(t *testing.T) {
	t.Parallel()
	s, _ := on(t, restingHub(t), filepath.Join(t.TempDir(), "a"))
	var g glance
	s.Look(g.look)
	if s.spot.seen.Load() != nil {
		t.Error("what one has seen is kept for nobody")
	}
}

// A watch that two places share, one of them by the name that the directory
// had, ends when another directory takes that name.
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
	s, nudge := on(t, h, filepath.Join(is, "a"))
	must(t, os.MkdirAll(was, 0o755))
	on(t, h, filepath.Join(was, "b"))
	testproc.Until(t, "a watch", func() bool { return watches(h, s) })
	h.pauseAndProve(t, is, nudge)
}

// Two processes poll a directory where no event was ever cleared. The first Clear
// finds no board to announce on. Then one of the processes creates the board, and
// the other must look too.
func TestBoardMadeByAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ha, hb := blindHub(t), blindHub(t)
	a, pa := crowd(t, ha, dir, many, Appear)
	b, pb := crowd(t, hb, dir, many, Appear)
	a.examined(ha, pa)
	b.examined(hb, pb)
	must(t, os.Mkdir(filepath.Join(dir, sidecar.Dir), 0o755))
	if got, also := len(a.examined(ha, pa)), len(b.examined(hb, pb)); got != many || also != many {
		t.Errorf("%d and %d of %d are nudged", got, also, many)
	}
}

// The watcher is kept for a while after the last wait, and then closed.
func TestWatcherLingers(t *testing.T) {
	t.Parallel()
	h := restingHub(t)
	s, _ := on(t, h, filepath.Join(t.TempDir(), "a"))
	s.Close()
	h.admin.Lock()
	h.dropIdle(true)
	h.admin.Unlock()
	if h.rest(linger-1) || h.watcher == nil {
		t.Error("it is let go at once")
	}
	if !h.rest(linger) || h.watcher != nil {
		t.Error("it is never let go")
	}
}

// The timer skips such a place too, and tries again later.
func TestTimerLeavesBusyPlaceAlone(t *testing.T) {
	t.Parallel()
	h := restingHub(t)
	s, nudge := on(t, h, filepath.Join(t.TempDir(), "a"))
	p := s.spot.place
	h.mu.Lock()
	h.setPolling(p, "the test wants it")
	p.busy = true
	h.mu.Unlock()
	h.polled(p)
	still(t, nudge)
	h.release(p)
	nudged(t, nudge)
}

// A directory that takes long to examine is examined less often.
func TestExaminesAtLeisure(t *testing.T) {
	t.Parallel()
	h := restingHub(t)
	s, nudge := on(t, h, filepath.Join(t.TempDir(), "a"))
	p := s.spot.place
	leisure := func(now time.Time) (before time.Time) {
		h.mu.Lock()
		defer h.mu.Unlock()
		before, p.leisure = p.leisure, now
		return before
	}
	leisure(time.Now().Add(time.Hour))
	h.examineAtLeisure(p)
	still(t, nudge)
	leisure(time.Time{})
	start := time.Now()
	h.examineAtLeisure(p)
	nudged(t, nudge)
	if next := leisure(time.Time{}); !next.After(start) {
		t.Errorf("the next one is to be %v after the last began", next.Sub(start))
	}
}
