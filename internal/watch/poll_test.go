package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/fskind"
	"github.com/fsync-lock/fsync/internal/sidecar"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func removeAll(path string) error { return os.RemoveAll(path) }

// blindHub has no watcher and no timer: tests examine by hand.
func blindHub(t *testing.T) *hub {
	h := testHub(t, never)
	h.open = func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }
	return h
}

// examined returns the tags that an examination nudges.
func (b *Inbox) examined(h *hub, p *place) []int {
	b.Nudged(nil)
	h.examine(p)
	tags := b.Nudged(nil)
	slices.Sort(tags)
	return tags
}

// crowd subscribes for n entries, tagged by number, and then stops the timer.
func crowd(t *testing.T, h *hub, dir string, n int, aim Aim) (*Inbox, *place) {
	t.Helper()
	b := NewInbox()
	var p *place
	for i := range n {
		s, err := h.subscribe(b, filepath.Join(dir, fmt.Sprint("e", i)), aim, i)
		must(t, err)
		t.Cleanup(s.Close)
		p = s.spot.place
	}
	h.mu.Lock()
	h.setPolling(p, "")
	h.mu.Unlock()
	testproc.Until(t, "nobody examines", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return !p.busy
	})
	return b, p
}

// many is more entries than are looked for one by one.
const many = 10 * fewEntries

// Thousands of entries are polled by reading the directory and the board once. That
// nudges only the subscriptions that may be met.
func TestPollingManyReadsTheDirectory(t *testing.T) {
	t.Parallel()
	h, dir := blindHub(t), t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, sidecar.Dir), 0o755))
	appear, p := crowd(t, h, dir, many, Appear)
	// One examination creates the board and one reads it, unless the timer's has.
	nudged := many
	for n := 0; nudged == many && n < 2; n++ {
		nudged = len(appear.examined(h, p))
	}
	if nudged != many && nudged != 0 {
		t.Fatalf("%d nudged before the board is known", nudged)
	}
	if got := appear.examined(h, p); len(got) != 0 {
		t.Fatalf("nudged for nothing: %v", got)
	}
	// An entry that exists nudges at each examination.
	touch(t, filepath.Join(dir, "e7"))
	for range 2 {
		if got := appear.examined(h, p); !slices.Equal(got, []int{7}) {
			t.Fatalf("e7 is there, nudged: %v", got)
		}
	}
	must(t, os.Remove(filepath.Join(dir, "e7")))
	if got := appear.examined(h, p); len(got) != 0 {
		t.Fatalf("e7 is gone, nudged: %v", got)
	}
	// An entry that existed for a moment was announced.
	must(t, Announce(filepath.Join(dir, "e11")))
	got := appear.examined(h, p)
	if !slices.Contains(got, 11) || slices.ContainsFunc(got, func(i int) bool { return slotOf(fmt.Sprint("e", i)) != slotOf("e11") }) {
		t.Fatalf("e11 was announced, nudged: %v", got)
	}
	if got := appear.examined(h, p); len(got) != 0 {
		t.Fatalf("nudged again: %v", got)
	}
}

func TestPollingManyForWhatVanishes(t *testing.T) {
	t.Parallel()
	h, dir := blindHub(t), t.TempDir()
	for i := range many {
		touch(t, filepath.Join(dir, fmt.Sprint("e", i)))
	}
	vanish, p := crowd(t, h, dir, many, Vanish)
	vanish.examined(h, p)
	if got := vanish.examined(h, p); len(got) != 0 {
		t.Fatalf("nudged for nothing: %v", got)
	}
	must(t, os.Remove(filepath.Join(dir, "e5")))
	for range 2 {
		if got := vanish.examined(h, p); !slices.Equal(got, []int{5}) {
			t.Fatalf("e5 is gone, nudged: %v", got)
		}
	}
	must(t, os.RemoveAll(dir))
	if got := vanish.examined(h, p); len(got) != many {
		t.Fatalf("all are gone, nudged: %v", got)
	}
}

// If the directory or the board cannot be read, all subscriptions look.
func TestPollingManyInTheDark(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(dir, board string) error{
		"the board is another file": func(_, board string) error { return os.WriteFile(board, []byte("x"), 0o644) },
		"the board is too big":      func(_, board string) error { return os.WriteFile(board, make([]byte, 2*boardSize), 0o644) },
		"the board is a directory":  func(_, board string) error { return os.Mkdir(board, 0o755) },
		"the board has gone":        func(string, string) error { return nil },
		"the directory is a file": func(dir, _ string) error {
			return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o644))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h, dir := blindHub(t), filepath.Join(t.TempDir(), "dir")
			must(t, os.MkdirAll(filepath.Join(dir, sidecar.Dir), 0o755))
			b, p := crowd(t, h, dir, many, Appear)
			b.examined(h, p)
			b.examined(h, p)
			if got := b.examined(h, p); len(got) != 0 {
				t.Fatalf("nudged for nothing: %v", got)
			}
			board := filepath.Join(dir, sidecar.Dir, "board")
			must(t, os.Remove(board))
			must(t, spoil(dir, board))
			if got := b.examined(h, p); len(got) != many {
				t.Fatalf("%d nudged", len(got))
			}
		})
	}
}

// If no process reads a board, Announce writes to none.
func TestAnnounceMakesNothing(t *testing.T) {
	t.Parallel()
	dir := withSeparator(t.TempDir())
	for range 2 {
		must(t, Announce(filepath.Join(dir, "a")))
		if _, err := os.Lstat(filepath.Join(dir, sidecar.Dir, "board")); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("there is a board: %v", err)
		}
		os.Mkdir(filepath.Join(dir, sidecar.Dir), 0o755)
	}
	if board := readBoard(dir); board != nil {
		t.Error("nothing is known of a board that is just being made")
	}
	old := readBoard(dir)
	must(t, Announce(filepath.Join(dir, "a")))
	now := readBoard(dir)
	if slot(old, "A") == slot(now, "a") || !bytes.Equal(old[:slotOf("a")], now[:slotOf("a")]) || !bytes.Equal(old[slotOf("a")+slotSize:], now[slotOf("a")+slotSize:]) {
		t.Error("another part of the board has changed")
	}
}

// A file system that does not report all changes is watched and polled.
func TestSilentFileSystem(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	h.kind = func(string) fskind.Kind { return fskind.Kind{Name: "quiet", Silent: true} }
	s, nudge := on(t, h, filepath.Join(dir, "a"))
	for range 3 {
		nudged(t, nudge) // without any change
	}
	if !watches(h, s) || s.spot.place.why != "quiet does not report all changes" {
		t.Errorf("watched: %v; polled because %q", watches(h, s), s.spot.place.why)
	}
	h.pauseAndProve(t, dir, nudge)
}

// A new subscription is polled often, even if others have waited for long.
func TestNewcomersHurry(t *testing.T) {
	t.Parallel()
	h, dir := blindHub(t), t.TempDir()
	s, _ := on(t, h, filepath.Join(dir, "a"))
	p := s.spot.place
	pause := func() time.Duration {
		h.mu.Lock()
		defer h.mu.Unlock()
		return p.pause
	}
	testproc.Until(t, "it is polled less and less often", func() bool { return pause() == pollLast })
	_, nudge := on(t, h, filepath.Join(dir, "b"))
	if got := pause(); got >= pollLast {
		t.Errorf("it is polled after %v", got)
	}
	nudged(t, nudge)
}

// Polling slows down to four times a second, and further if a look takes long.
func TestNextPause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pause, took, want time.Duration }{
		{pollFirst, 0, 15 * time.Millisecond},
		{200 * time.Millisecond, 0, pollLast},
		{pollLast, 24 * time.Millisecond, pollLast},
		{pollLast, time.Second, 10 * time.Second},
	} {
		if got := nextPause(c.pause, c.took); got != c.want {
			t.Errorf("nextPause(%v, %v) = %v", c.pause, c.took, got)
		}
	}
}

func TestOpaqueNames(t *testing.T) {
	t.Parallel()
	folds := runtime.GOOS == "windows" || runtime.GOOS == "darwin" || runtime.GOOS == "ios"
	for name, want := range map[string]bool{"ready": false, "é": true, "READY~1": true, "ready.": true, "ready ": true} {
		if got := opaque(name); got != (want && folds) {
			t.Errorf("opaque(%q) = %v", name, got)
		}
	}
	if fold("Ready") == fold("ready") != folds {
		t.Error("fold does not fit the system")
	}
}
