package watch

import (
	"path/filepath"
	"testing"
	"time"
)

// Nudge reaches all subscriptions of the directory, and no others.
func TestNudge(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	h := newHub(openWatcher, time.Hour)
	inbox, elsewhere := NewInbox(), NewInbox()
	for i, aim := range []Aim{Appear, Vanish, Claim, Change} {
		s, err := h.subscribe(inbox, filepath.Join(dir, "ready"), aim, i)
		must(t, err)
		defer s.Close()
		s, err = h.subscribe(elsewhere, filepath.Join(other, "ready"), aim, i)
		must(t, err)
		defer s.Close()
	}
	if h.watcher == nil {
		t.Skip("no watcher")
	}
	inbox.Nudged(nil)
	Nudge(dir + string(filepath.Separator))
	for tags := 0; tags < 4; tags += len(inbox.Nudged(nil)) {
		select {
		case <-inbox.Wake():
		case <-time.After(time.Minute):
			t.Fatal("nobody is told")
		}
	}
	if tags := elsewhere.Nudged(nil); len(tags) > 0 {
		t.Errorf("others are told: %v", tags)
	}
}
