package fileevent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A process that polls for many events reads only the names in the directory. It
// learns from the board of an event that was set and taken between two looks. One
// that is set anew it looks at each time.
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
	must(t, errors.Join(e.Set(), e.Clear())) // there is no board in a directory without traces
	a := startAgents(t, 1, path, polling, "50")[0]
	for range 3 {
		a.Send("wait")
		a.Expect("asleep")
		looks(t, a)
		must(t, e.Set())
		take()
		a.Expect("7")
	}
	for range 3 {
		must(t, e.Set())
		for _, again := range []func(){take, func() {}} {
			a.Send("watch")
			a.Expect("asleep")
			a.Expect("asleep")
			looks(t, a)
			must(t, e.Set())
			again()
			a.Expect("7")
		}
		take()
	}
}

// looks waits until a process that polls for many events has read the board a
// few times: what it finds announced at its first look says nothing to it.
func looks(t *testing.T, p *testproc.Proc) {
	t.Helper()
	const board = 4096
	read := func() (n int) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.PID()))
		if err == nil {
			_, err = fmt.Sscanf(string(text), "rchar: %d", &n)
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := read()
	testproc.Until(t, "it looks again and again", func() bool { return read() > before+3*board })
}
