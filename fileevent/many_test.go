package fileevent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// eventsIn returns n events in one directory.
func eventsIn(dir string, n int, opts ...Option) []*Event {
	events := make([]*Event, n)
	for i := range events {
		events[i] = New(filepath.Join(dir, fmt.Sprintf("e%05d", i)), opts...)
	}
	return events
}

// anyIndex starts a WaitAny that is about to sleep. When it has ended, the int is its result.
func anyIndex(t *testing.T, ctx context.Context, events ...*Event) (<-chan error, *int) {
	t.Helper()
	i := new(int)
	return dozeOn(t, events[0], func(*Event) (err error) {
		*i, err = WaitAny(ctx, events...)
		return err
	}), i
}

// startWaitAll starts a WaitAll.
func startWaitAll(t *testing.T, events ...*Event) <-chan error {
	done := make(chan error, 1)
	go func() { done <- WaitAll(t.Context(), events...) }()
	return done
}

// sleeps returns a channel that is sent to each time the wait is about to sleep. The event must
// be the first in the wait.
func sleeps(first *Event) <-chan struct{} {
	asleep := make(chan struct{}, 100)
	first.hook = func(s step) {
		if s == sleeping {
			asleep <- struct{}{}
		}
	}
	return asleep
}

func TestWaitAny(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]Option{nil, {AutoReset()}} {
		events := append(eventsIn(t.TempDir(), 3, opts...), eventsIn(t.TempDir(), 3, opts...)...)
		for want, e := range events {
			done, got := anyIndex(t, t.Context(), events...)
			must(t, New(e.Path()).Set())
			ends(t, done)
			if *got != want {
				t.Errorf("WaitAny() = %d, want %d", *got, want)
			}
			isSet(t, e, opts == nil)
			must(t, e.Clear())
		}
	}
}

// If several events are set when WaitAny begins, it takes the first, and no other.
func TestWaitAnyTakesTheFirst(t *testing.T) {
	t.Parallel()
	events := eventsIn(t.TempDir(), 4, AutoReset())
	for _, i := range []int{3, 1} {
		must(t, events[i].Set())
	}
	for _, want := range []int{1, 3} {
		if got, err := WaitAny(t.Context(), events...); got != want || err != nil {
			t.Fatalf("WaitAny() = %d, %v, want %d", got, err, want)
		}
		isSet(t, events[3], want == 1)
	}
}

// If two events are set while WaitAny sleeps, it takes one and leaves the other.
func TestWaitAnyTakesOne(t *testing.T) {
	t.Parallel()
	for range 50 {
		events := eventsIn(t.TempDir(), 3, AutoReset())
		done, got := anyIndex(t, t.Context(), events...)
		must(t, New(events[2].Path()).Set(), New(events[1].Path()).Set())
		ends(t, done)
		isSet(t, events[*got], false)
		isSet(t, events[3-*got], true)
	}
}

// A pulse ends WaitAny too.
func TestWaitAnyPulse(t *testing.T) {
	t.Parallel()
	events := eventsIn(t.TempDir(), 3)
	for range 20 {
		done, got := anyIndex(t, t.Context(), events...)
		pulse(t, New(events[2].Path()))
		ends(t, done)
		if *got != 2 {
			t.Errorf("WaitAny() = %d", *got)
		}
	}
}

func TestWaitForNothing(t *testing.T) {
	t.Parallel()
	if i, err := WaitAny(t.Context()); i != -1 || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("WaitAny() = %d, %v", i, err)
	}
	must(t, WaitAll(t.Context()))
}

func TestWaitForOneTwice(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]Option{nil, {AutoReset()}} {
		e := New(markerPath(t), opts...)
		done, got := anyIndex(t, t.Context(), e, e)
		must(t, New(e.Path()).Set())
		ends(t, done)
		if *got != 0 {
			t.Errorf("WaitAny() = %d", *got)
		}
		must(t, e.Clear())
		done = dozeOn(t, e, func(*Event) error { return WaitAll(t.Context(), e, e) })
		must(t, New(e.Path()).Set())
		ends(t, done)
		isSet(t, e, opts == nil)
	}
}

// Each event was set since WaitAll began, but never all at the same time.
func TestWaitAll(t *testing.T) {
	t.Parallel()
	events := append(eventsIn(t.TempDir(), 2), eventsIn(t.TempDir(), 2)...)
	must(t, events[3].Set())
	asleep := sleeps(events[0])
	done := startWaitAll(t, events...)
	for i, clearToo := range []bool{true, false, true} {
		<-asleep
		goesOn(t, done)
		must(t, New(events[i].Path()).Set())
		if clearToo {
			must(t, New(events[i].Path()).Clear())
		}
	}
	ends(t, done)
}

// An event that was found set counts, even if it leaves no tombstone. The test makes each
// change when the wait is about to sleep, so the next look comes after the change.
func TestWaitAllRemembers(t *testing.T) {
	t.Parallel()
	events := eventsIn(t.TempDir(), 2)
	steps := []func() error{
		func() error { return os.WriteFile(events[0].Path(), nil, 0o644) },
		func() error { return os.Remove(events[0].Path()) },
		func() error { return New(events[1].Path()).Set() },
	}
	events[0].hook = func(s step) {
		if s == sleeping && len(steps) > 0 {
			if err := steps[0](); err != nil {
				t.Error(err)
			}
			steps = steps[1:]
		}
	}
	ends(t, startWaitAll(t, events...))
	if len(steps) > 0 {
		t.Errorf("%d steps are left", len(steps))
	}
}

// Events with AutoReset must be set at the same time; until then none is taken.
func TestWaitAllTakesAtTheEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain, autos := New(filepath.Join(dir, "plain")), eventsIn(dir, 2, AutoReset())
	asleep := sleeps(plain)
	done := startWaitAll(t, plain, autos[0], autos[1], autos[0])
	<-asleep
	must(t, New(autos[0].Path()).Set())
	<-asleep
	must(t, New(plain.Path()).Set())
	<-asleep
	must(t, New(plain.Path()).Clear()) // that it was set is enough
	isSet(t, autos[0], true)
	must(t, New(autos[0].Path()).Clear()) // that it was set is not enough
	must(t, New(autos[1].Path()).Set())
	<-asleep
	isSet(t, autos[1], true)
	goesOn(t, done)
	must(t, New(autos[0].Path()).Set())
	ends(t, done)
	isSet(t, autos[0], false)
	isSet(t, autos[1], false)
}

// Another process takes the second event after WaitAll has taken the first. The
// first is set again, and the wait goes on.
func TestWaitAllPutsBack(t *testing.T) {
	t.Parallel()
	events := eventsIn(t.TempDir(), 2, AutoReset())
	must(t, events[1].Set())
	asleep, loses, takes := make(chan struct{}, 100), make(chan struct{}), 0
	events[0].hook = func(s step) {
		switch s {
		case sleeping:
			asleep <- struct{}{}
		case took:
			if takes++; takes == 1 {
				for len(asleep) > 0 { // from notifications without a change
					<-asleep
				}
				close(loses)
				if ok, err := New(events[1].Path(), AutoReset()).WaitFor(0); !ok {
					t.Errorf("the second event was not taken: %v", err)
				}
			}
		}
	}
	done := startWaitAll(t, events...)
	<-asleep
	must(t, New(events[0].Path()).Set())
	<-loses
	<-asleep // it has taken the first event and lost the second,
	<-asleep // and seen that the first is set again
	isSet(t, events[0], true)
	isSet(t, events[1], false)
	must(t, New(events[1].Path()).Set())
	ends(t, done)
	isSet(t, events[0], false)
	isSet(t, events[1], false)
	if takes != 2 { // not once more when it was set again
		t.Errorf("the first event was taken %d times, want 2", takes)
	}
}

// One event with two paths is taken once.
func TestWaitAllTakesOneByTwoPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	one, other := New(filepath.Join(dir, "e"), AutoReset()), New(filepath.Join(link, "e"), AutoReset())
	another := New(filepath.Join(dir, "f"), AutoReset())
	must(t, another.Set())
	takes := 0
	count := func(s step) {
		if s == took {
			takes++
		}
	}
	other.hook, another.hook = count, count
	done := dozeOn(t, one, func(*Event) error {
		before := one.hook
		one.hook = func(s step) { before(s); count(s) }
		return WaitAll(t.Context(), one, another, other)
	})
	must(t, New(one.Path()).Set())
	ends(t, done)
	if takes != 2 {
		t.Errorf("%d takes", takes)
	}
	isSet(t, one, false)
	isSet(t, another, false)
}

func TestMarkerIs(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	a, b, far := splitMarker(filepath.Join(dir, "a")), splitMarker(filepath.Join(dir, "b")), splitMarker(filepath.Join(elsewhere, "a"))
	if a.is(a) {
		t.Error("a marker that does not exist is the same file as itself")
	}
	must(t, os.WriteFile(a.path, nil, 0o644))
	must(t, os.WriteFile(b.path, nil, 0o644))
	if err := os.Link(a.path, far.path); err != nil {
		t.Skip(err)
	}
	if !a.is(a) || a.is(b) || a.is(far) || far.is(a) {
		t.Errorf("a is itself: %v; b: %v; a link elsewhere: %v, %v", a.is(a), a.is(b), a.is(far), far.is(a))
	}
}

// When the ctx ends, no event stays taken.
func TestWaitAllEndsWithNothing(t *testing.T) {
	t.Parallel()
	events := eventsIn(t.TempDir(), 3, AutoReset())
	must(t, events[0].Set(), events[2].Set())
	ctx, cancel := context.WithCancel(t.Context())
	done := dozeOn(t, events[0], func(*Event) error { return WaitAll(ctx, events...) })
	cancel()
	err := <-done
	if want := "fileevent: wait for 1 of 3 events, " + events[1].Path() + " the first of them: context canceled"; !errors.Is(err, context.Canceled) || err.Error() != want {
		t.Errorf("WaitAll() = %v", err)
	}
	isSet(t, events[0], true)
	isSet(t, events[2], true)
}

// Many processes take the same events, each in another order. Each gets them all, one
// process after another, and no Set is lost.
func TestWaitAllRace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	forks := eventsIn(dir, 3, AutoReset())
	for _, f := range forks {
		must(t, f.Set())
	}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			mine := eventsIn(dir, 3, AutoReset())
			for range 20 {
				a, b := mine[i%3], mine[(i+1)%3]
				if err := WaitAll(t.Context(), a, b); err != nil {
					t.Error(err)
					return
				}
				if err := errors.Join(a.Set(), b.Set()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, f := range forks {
		isSet(t, f, true)
	}
}

func TestManyEnd(t *testing.T) {
	t.Parallel()
	events := eventsIn(t.TempDir(), 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, events[0].Set()) // an ended ctx counts more
	i, err := WaitAny(ctx, events...)
	if want := "fileevent: wait for any of 2 events, " + events[0].Path() + " the first of them: context canceled"; i != -1 || err == nil || err.Error() != want {
		t.Errorf("WaitAny() = %d, %v", i, err)
	}
	if err := WaitAll(ctx, events...); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitAll() = %v", err)
	}
	// An error of one event ends the wait for all.
	wrong := New(filepath.Dir(events[0].Path()) + "/..")
	if i, err := WaitAny(t.Context(), events[1], wrong); i != -1 || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("WaitAny() = %d, %v", i, err)
	}
	if err := WaitAll(t.Context(), events[1], wrong); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "..") {
		t.Errorf("WaitAll() = %v", err)
	}
}

// One call waits for thousands of events.
func TestThousandsInOneCall(t *testing.T) {
	t.Parallel()
	n := testproc.Size(1000, 200)
	events := eventsIn(t.TempDir(), n)
	done, got := anyIndex(t, t.Context(), events...)
	must(t, New(events[n-1].Path()).Set())
	ends(t, done)
	if *got != n-1 {
		t.Errorf("WaitAny() = %d", *got)
	}
	must(t, events[n-1].Clear())
	done = dozeOn(t, events[0], func(*Event) error { return WaitAll(t.Context(), events...) })
	for _, e := range events {
		pulse(t, New(e.Path()))
	}
	ends(t, done)
}

// TestThousandsInOneCall in a process without a watcher.
func TestThousandsPolled(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	n := testproc.Size(500, 60)
	agent := polling.startAgent(t, path, fmt.Sprint(n))
	for i := range 3 {
		ask(t, agent, "waitall", "asleep")
		for _, e := range eventsIn(filepath.Dir(path), n) {
			pulse(t, e)
		}
		agent.Expect("ok")
		ask(t, agent, "waitany", "asleep")
		e := New(filepath.Join(filepath.Dir(path), fmt.Sprintf("e%05d", 20*i)))
		pulse(t, e)
		agent.Expect(fmt.Sprint(20 * i))
	}
}
