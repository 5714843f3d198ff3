package fileevent

import (
	"path/filepath"
	"testing"
)

// A process that polls for many events sees an event that was set and taken between two
// polls, and each further Set of an event that is set.
func TestTakenWhereManyPoll(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	e := eventsIn(filepath.Dir(path), 50)[7]
	taker := New(e.Path(), AutoReset())
	take := func() {
		t.Helper()
		if taken, err := taker.WaitFor(0); !taken || err != nil {
			t.Fatal(taken, err)
		}
	}
	a := polling.startAgent(t, path, "50")
	for range 3 {
		ask(t, a, "wait", "asleep")
		must(t, e.Set())
		take()
		a.Expect("7")
	}
	for range 3 {
		must(t, e.Set())
		for _, again := range []func(){take, func() {}} {
			ask(t, a, "watch", "asleep")
			a.Expect("asleep")
			must(t, e.Set())
			again()
			a.Expect("7")
		}
		take()
	}
}
