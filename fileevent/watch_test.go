package fileevent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func watchOf(t *testing.T, e *Event) *Watch {
	t.Helper()
	w, err := e.Watch()
	must(t, err)
	return w
}

// seen fails the test unless the Watch sees a Set, once.
func seen(t *testing.T, w *Watch, what string) {
	t.Helper()
	if over, err := w.setSinceLast(); !over || err != nil {
		t.Fatalf("%s: setSinceLast() = %v, %v", what, over, err)
	}
	unseen(t, w, what+", again")
}

// unseen fails the test if the Watch sees a Set.
func unseen(t *testing.T, w *Watch, what string) {
	t.Helper()
	if over, err := w.setSinceLast(); over || err != nil {
		t.Fatalf("%s: setSinceLast() = %v, %v", what, over, err)
	}
}

// All Sets between two calls of Next count as one; a Clear alone does not count.
func TestWatchBetweenLooks(t *testing.T) {
	t.Parallel()
	touch := func(e *Event) error {
		f, err := os.OpenFile(e.Path(), os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			err = f.Close()
		}
		return err
	}
	rm := func(e *Event) error { return os.Remove(e.Path()) }
	take := func(e *Event) error {
		_, err := New(e.Path(), AutoReset()).WaitFor(0)
		return err
	}
	nothing := func(*Event) error { return nil }
	type act = func(*Event) error
	set, clear := act((*Event).Set), act((*Event).Clear)
	for what, c := range map[string]struct {
		before, then []act
		new          bool
	}{
		"nothing":                     {nil, []act{nothing}, false},
		"nothing on a set event":      {[]act{set}, []act{nothing}, false},
		"set":                         {nil, []act{set}, true},
		"twice":                       {nil, []act{set, set}, true},
		"again":                       {[]act{set}, []act{set}, true},
		"cleared":                     {[]act{set}, []act{clear}, false},
		"pulse":                       {nil, []act{set, clear}, true},
		"pulses":                      {[]act{set, clear}, []act{set, clear, set, clear}, true},
		"pulse of a set event":        {[]act{set}, []act{set, clear}, true},
		"cleared and set":             {[]act{set}, []act{clear, set}, true},
		"cleared, set, cleared":       {[]act{set}, []act{clear, set, clear}, true},
		"touched":                     {[]act{touch}, []act{rm, touch}, true},
		"touched, cleared":            {nil, []act{touch, clear}, true},
		"removed":                     {[]act{set}, []act{rm}, false},
		"removed, set":                {[]act{set}, []act{rm, set}, true},
		"taken, set":                  {[]act{set}, []act{take, set}, true},
		"set and taken":               {nil, []act{set, take}, true},
		"taken":                       {[]act{set}, []act{take}, false},
		"set on what was touched":     {[]act{touch}, []act{set}, true},
		"no directory for tombstones": {[]act{set, clear, set, clear}, []act{nothing}, false},
		"touched and moved, by Set":   {[]act{touch, set, clear}, []act{touch, clear}, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for range 5 { // so that some rounds are within one tick of the clock
				e := New(markerPath(t))
				for _, act := range c.before {
					must(t, act(e))
				}
				w := watchOf(t, e)
				unseen(t, w, "before")
				for range 3 {
					for _, act := range c.then {
						must(t, act(e))
					}
					if !c.new {
						unseen(t, w, what)
						break
					}
					seen(t, w, what)
				}
			}
		})
	}
}

// A Set that may not replace the marker leaves the marker as it is, and a Watch sees the Set.
func TestWatchSeesSetOfStrangeMarkers(t *testing.T) {
	t.Parallel()
	for what, put := range putStrange {
		e := New(markerPath(t))
		must(t, put(e.Path()))
		w, was := watchOf(t, e), must2(os.Lstat(e.Path()))
		for range 3 {
			must(t, e.Set())
			seen(t, w, what)
		}
		if is := must2(os.Lstat(e.Path())); !os.SameFile(was, is) || was.Size() != is.Size() {
			t.Errorf("%s: Set has changed the marker", what)
		}
		// A Next that sleeps wakes within a second.
		done := nextOn(t, w)
		must(t, e.Set())
		ends(t, done)
	}
}

// nextOn starts a Next and returns when it is about to sleep.
func nextOn(t *testing.T, w *Watch) <-chan error {
	t.Helper()
	own := *w.event
	w.event = &own
	return dozeOn(t, w.event, func(*Event) error { return w.Next(context.Background()) })
}

// A Set finds the event set, and then another process clears or takes the event. The event is
// set when Set returns.
func TestSetAgainIsOvertaken(t *testing.T) {
	t.Parallel()
	for what, other := range map[string]func(e *Event) error{
		"clear": (*Event).Clear,
		"take": func(e *Event) error {
			_, err := New(e.Path(), AutoReset()).WaitFor(0)
			return err
		},
		"set":  (*Event).Set,
		"rm":   func(e *Event) error { return os.Remove(e.Path()) },
		"none": func(*Event) error { return nil },
	} {
		e := New(markerPath(t))
		must(t, e.Set())
		w := watchOf(t, e)
		again := New(e.Path(), Note("again"))
		again.hook = once(renewing, func() { must(t, other(New(e.Path()))) })
		must(t, again.Set())
		isSet(t, e, true)
		seen(t, w, what)
		if i := info(t, e); i.Note != "again" {
			t.Errorf("%s: Info() = %+v", what, i)
		}
		if left := must2(filepath.Glob(filepath.Join(filepath.Dir(e.Path()), ".fsync*", "*.new"))); len(left) > 0 {
			t.Errorf("%s: %v is left", what, left)
		}
		if left := must2(filepath.Glob(e.Path() + "/../.fsync.*")); len(left) > 0 {
			t.Errorf("%s: %v is left", what, left)
		}
	}
}

// One Set ends one Next, of any number of goroutines.
func TestWatchOfManyGoroutines(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	w := watchOf(t, e)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	woken, ended := make(chan struct{}), make(chan error)
	for range 4 {
		go func() {
			for {
				if err := w.Next(ctx); err != nil {
					ended <- err
					return
				}
				woken <- struct{}{}
			}
		}()
	}
	for range 50 {
		must(t, e.Set())
		<-woken
	}
	stop()
	for n := 0; n < 4; {
		select {
		case <-woken:
			t.Error("one Set has ended two calls")
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			n++
		}
	}
}

func TestWatchErrors(t *testing.T) {
	t.Parallel()
	if _, err := New("").Watch(); err == nil {
		t.Error("Watch accepts an empty path")
	}
	w := watchOf(t, New(filepath.Join(t.TempDir(), "later", "ready"))) // the directory may come later
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Next(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "ready") {
		t.Errorf("Next() = %v", err)
	}
	must(t, os.Mkdir(filepath.Dir(w.event.Path()), 0o755))
	pulse(t, w.event)
	must(t, w.Next(t.Context()))
	deadline, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if err := w.Next(deadline); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Next() = %v", err)
	}
}

// Three listeners, which are killed and started again, read many versions of a file. All of
// them see the last version, whether they poll or not, and whether the publisher clears the
// event or not.
func TestEverySetIsSeen(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		path := markerPath(t)
		e, version := New(path), 0
		publish := func() {
			version++
			must(t, os.WriteFile(path+".tmp", []byte(strconv.Itoa(version)), 0o644))
			must(t, os.Rename(path+".tmp", path+".version"))
			must(t, e.Set())
			if version%3 > 0 {
				must(t, e.Clear())
			}
		}
		publish()
		listeners := startAgents(t, 3, path, how)
		tell(listeners, "follow")
		for round := range rounds {
			for range published / rounds {
				publish()
			}
			for i, l := range listeners {
				follows(t, l, version)
				if i == round%len(listeners) {
					l.Kill()
					listeners[i] = how.startAgent(t, path)
					listeners[i].Send("follow")
				}
			}
		}
	})
}

// published is how many versions TestEverySetIsSeen publishes, killing a listener after
// each round.
var published, rounds = testproc.Size(10_000, 240), testproc.Size(20, 4)

// follows reads what the listener prints until it is the version.
func follows(t *testing.T, l *testproc.Proc, version int) {
	t.Helper()
	for l.Line() != fmt.Sprint("version ", version) {
	}
}

// follow prints each version that it reads, until the test ends.
func follow(e *Event) error {
	w, err := e.Watch()
	for err == nil {
		text, _ := os.ReadFile(e.Path() + ".version")
		fmt.Println("version", string(text))
		err = w.Next(context.Background())
	}
	return err
}

// A Watch misses no Set although other processes clear and take the event.
func TestWatchBesideOthers(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	e := New(path)
	others := startAgents(t, 3, path, watching)
	asleep(t, others, "consume")
	takers := startAgents(t, 2, path, watching, "auto")
	asleep(t, takers, "race")
	w := watchOf(t, e)
	for range 200 {
		must(t, e.Set())
		must(t, w.Next(t.Context()))
	}
}

// A file is ambiguous if it has no ID, and if it is so young that the next file may look the
// same.
func TestAmbiguous(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for what, c := range map[string]struct {
		version version
		want    bool
	}{
		"no file":      {version{}, false},
		"a young file": {version{exists: true, born: now.Add(-tick)}, true},
		"with an ID":   {version{exists: true, born: now, id: "1"}, false},
		"an old file":  {version{exists: true, born: now.Add(-tick - 1)}, false},
		"a later file": {version{exists: true, born: now.Add(tick + 1)}, false},
	} {
		if got := c.version.ambiguous(now); got != c.want {
			t.Errorf("%s: ambiguous: %v", what, got)
		}
	}
}

// If the marker has no ID, a Watch reads it again until it is older than a tick.
func TestWatchSettles(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	must(t, os.WriteFile(e.Path(), nil, 0o644))
	if w := watchOf(t, e); w.last.ambiguous(time.Now()) {
		t.Error("the marker may be taken for the next one")
	}
	future := versions{marker: version{exists: true, born: time.Now().Add(time.Hour)}}
	if got, err := e.marker.settle(future); err != nil || got != future {
		t.Errorf("settle() = %+v, %v: it has read again without a reason", got, err)
	}
}
