//go:build unix

package fileevent

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// WaitAll fails to take the second event. The first one is set again.
func TestWaitAllFailsToTake(t *testing.T) {
	t.Parallel()
	events := eventsIn(t.TempDir(), 2, AutoReset())
	must(t, events[0].Set(), os.Mkdir(events[1].Path(), 0o755))
	var named *fs.PathError
	if err := WaitAll(t.Context(), events...); !errors.As(err, &named) || named.Path != events[1].Path() {
		t.Errorf("WaitAll = %v", err)
	}
	isSet(t, events[0], true)
}

// WaitAll cannot set an event again that it has taken, and says so.
func TestWaitAllCannotPutBack(t *testing.T) {
	t.Parallel()
	first, second := New(filepath.Join(t.TempDir(), "a"), AutoReset()), New(filepath.Join(t.TempDir(), "b"), AutoReset())
	if first.Path() > second.Path() {
		first, second = second, first
	}
	must(t, first.Set(), second.Set())
	first.hook = once(took, func() { must(t, os.RemoveAll(filepath.Dir(first.Path())), New(second.Path()).Clear()) })
	if err := WaitAll(t.Context(), first, second); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "set again what was taken") {
		t.Errorf("WaitAll = %v", err)
	}
}

// The error of a WaitAll for one event names only that.
func TestWaitAllForOne(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := New(markerPath(t))
	hasEnded(t, WaitAll(ctx, e), e.Path(), context.Canceled, context.Canceled)
}
