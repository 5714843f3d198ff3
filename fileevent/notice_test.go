package fileevent

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// putStrange makes a marker that Set may not replace.
var putStrange = map[string]func(path string) error{
	"content": func(path string) error { return os.WriteFile(path, []byte("42\n"), 0o644) },
	"half of a record": func(path string) error {
		return os.WriteFile(path, fmt.Appendf(nil, "%s%016x", recordStart, rand.Uint64()), 0o644)
	},
	"link":      func(path string) error { return os.Symlink("nowhere", path) },
	"directory": func(path string) error { return os.Mkdir(path, 0o755) },
}

// A Set leaves a marker that it may not replace, and a Clear or a take follows at once. The
// Clear puts the marker in the place of the tombstone, where a Watch does not take it for a
// later Set, because it has seen the marker before. The notice shows the Set.
//
//	watch                          others
//	the marker, and the tombstone
//	                               Set: the marker may not be replaced
//	                               Clear: the marker becomes the tombstone
//	no marker, and the marker from before
func TestSetAndClearOfStrangeMarkers(t *testing.T) {
	t.Parallel()
	take := func(e *Event) error {
		_, err := New(e.Path(), AutoReset()).WaitFor(0)
		return err
	}
	for what, put := range putStrange {
		for how, clear := range map[string]func(*Event) error{"cleared": (*Event).Clear, "taken": take} {
			if what == "directory" || how == "taken" && runtime.GOOS == "windows" {
				continue // a directory cannot be cleared, and a take leaves no tombstone on Windows
			}
			e := New(markerPath(t))
			for range 2 {
				if err := put(e.Path()); err != nil {
					t.Skip(err)
				}
				w := watchOf(t, e)
				unseen(t, w, "before")
				must(t, e.Set(), clear(e))
				isSet(t, e, false)
				seen(t, w, what+", "+how)
				must(t, put(e.Path()), clear(e))
				seen(t, w, what+", made again and "+how)
			}
		}
	}
}

// A wait with MaxAge ignores an old marker. A Set that may not replace the marker wakes it, once.
func TestNoticeOfAnOldMarker(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t), MaxAge(time.Hour))
	must(t, os.Mkdir(e.Path(), 0o755))
	for range 2 {
		then := time.Now().Add(-yesterday)
		must(t, os.Chtimes(e.Path(), then, then))
		done := doze(t, e.Path(), func(waiter *Event) error {
			waiter.maxAge = e.maxAge
			return forever(waiter)
		})
		must(t, e.Set())
		ends(t, done)
		if set, err := e.WaitFor(0); set || err != nil {
			t.Errorf("WaitFor = %v, %v", set, err)
		}
	}
}

// A Set that cannot leave its notice fails. The marker keeps its time, so no wait with MaxAge
// ends, and no draft is left.
func TestSetThatLeavesNoNotice(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	notice := e.marker.sidecar(e.marker.noticeName())
	then := time.Now().Add(-yesterday)
	must(t, os.WriteFile(e.Path(), []byte("42\n"), 0o644), os.Chtimes(e.Path(), then, then))
	must(t, os.MkdirAll(filepath.Join(notice, "x"), 0o755))
	if err := e.Set(); err == nil {
		t.Error("Set has not failed")
	}
	if now := must2(os.Stat(e.Path())).ModTime(); time.Since(now) < time.Hour {
		t.Errorf("the marker is of %v", now)
	}
	if left := must2(os.ReadDir(filepath.Dir(notice))); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}
