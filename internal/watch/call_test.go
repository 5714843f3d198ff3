package watch

import (
	"path/filepath"
	"testing"
)

// NotifyAll reaches all subscriptions of the directory, and no others.
func TestNotifyAll(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	_, elsewhere := on(t, h, filepath.Join(t.TempDir(), "ready"))
	var here []<-chan struct{}
	for _, interest := range []Interest{Appear, Vanish, Take, Change} {
		_, notified := with(t, h, filepath.Join(dir, "ready"), interest)
		here = append(here, notified)
	}
	NotifyAll(dir + string(filepath.Separator))
	for _, notified := range here {
		expect(t, notified)
	}
	expectNone(t, elsewhere)
}
