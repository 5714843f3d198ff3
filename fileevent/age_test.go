package fileevent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/process"
	"github.com/fsync-lock/fsync/internal/testproc"
)

const yesterday = 24 * time.Hour

// setYesterday sets an event as if Set had run yesterday.
func setYesterday(t *testing.T, path string) {
	t.Helper()
	r := process.Self()
	r.ID, r.Since = "0123456789abcdef", time.Now().Add(-yesterday).UTC().Truncate(time.Millisecond)
	putYesterday(t, path, r.Encode())
}

// touchYesterday makes a marker as if touch(1) had run yesterday.
func touchYesterday(t *testing.T, path string) {
	t.Helper()
	putYesterday(t, path, nil)
}

// putYesterday makes a marker with an old time, in one step. If the marker got its time later,
// it would be young for a moment.
func putYesterday(t *testing.T, path string, content []byte) {
	t.Helper()
	must(t, os.WriteFile(path+".tmp", content, 0o644))
	then := time.Now().Add(-yesterday)
	must(t, os.Chtimes(path+".tmp", then, then))
	must(t, os.Rename(path+".tmp", path))
}

// An event that was set yesterday does not count. The next Set renews it, although
// it was not cleared.
func TestMaxAge(t *testing.T) {
	t.Parallel()
	for what, setBefore := range map[string]func(*testing.T, string){"set": setYesterday, "touched": touchYesterday} {
		for _, kind := range []string{"manual", "auto"} {
			t.Run(what+" "+kind, func(t *testing.T) {
				t.Parallel()
				inEveryMode(t, func(t *testing.T, how mode) {
					path := markerPath(t)
					setBefore(t, path)
					waiter := how.startAgent(t, path, "hour", kind)
					ask(t, waiter, "waitfor 0s", "false")
					ask(t, waiter, "isset", "true")
					ask(t, waiter, "wait", "asleep")
					ask(t, startAgent(t, path), "set", "ok")
					waiter.Expect("ok")
					isSet(t, New(path), kind == "manual")
				})
			})
		}
	}
}

// A wait without a limit takes an event that a wait with a limit ignores, in the same process.
func TestMaxAgeIsOfOneWait(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	ctx, stop := context.WithCancel(t.Context())
	setYesterday(t, path)
	limited := dozeOn(t, New(path, AutoReset(), MaxAge(time.Hour)), func(e *Event) error { return e.Wait(ctx) })
	must(t, New(path, AutoReset()).Wait(t.Context()))
	isSet(t, New(path), false)
	other := doze(t, path, forever)
	setYesterday(t, path)
	ends(t, other)
	stop()
	if err := <-limited; !errors.Is(err, context.Canceled) {
		t.Errorf("the wait with the limit: %v", err)
	}
	isSet(t, New(path), true)
}

// A Clear of an event that was set yesterday ends no wait with a limit of an hour;
// a pulse does.
func TestMaxAgeOfATombstone(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		path := markerPath(t)
		setYesterday(t, path)
		waiter := how.startAgent(t, path, "hour")
		setter := startAgent(t, path)
		ask(t, waiter, "wait", "asleep")
		ask(t, setter, "clear", "ok")
		waiter.Silent()
		ask(t, setter, "pulse", "ok")
		waiter.Expect("ok")

		// A pulse replaces an old marker, and then there is an old marker again.
		touchYesterday(t, path)
		ask(t, waiter, "wait", "asleep")
		ask(t, setter, "pulse", "ok")
		touchYesterday(t, path)
		waiter.Expect("ok")
	})
}

// A touch of an existing marker is not reported and does not change the directory, but a wait
// sees the new time.
func TestMaxAgeOfATouch(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	touchYesterday(t, path)
	waiter := startAgent(t, path, "hour", "auto", "blind")
	ask(t, waiter, "wait", "asleep")
	must(t, os.Chtimes(path, time.Now(), time.Now()))
	waiter.Expect("ok")
}

// WaitAny and WaitAll ignore events that are too old.
func TestMaxAgeOfMany(t *testing.T) {
	t.Parallel()
	one, two := markerPath(t), markerPath(t)
	opts := []Option{AutoReset(), MaxAge(time.Hour)}
	a, b := New(one, opts...), New(two, opts...)
	setYesterday(t, one)
	must(t, b.Set())
	soon, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if err := WaitAll(soon, a, b); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("WaitAll() = %v", err)
	}
	if i, err := WaitAny(t.Context(), a, b); i != 1 || err != nil {
		t.Fatalf("WaitAny() = %d, %v", i, err)
	}
	isSet(t, a, true)
	isSet(t, b, false)
	must(t, b.Set())
	done := dozeOn(t, a, func(*Event) error { return WaitAll(context.Background(), a, b) })
	must(t, New(one).Set())
	ends(t, done)
	isSet(t, a, false)
	isSet(t, b, false)
}

// A time in the future is not old.
func TestMaxAgeOfTheFuture(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	must(t, os.WriteFile(path, nil, 0o644))
	tomorrow := time.Now().Add(time.Hour)
	must(t, os.Chtimes(path, tomorrow, tomorrow))
	must(t, New(path, MaxAge(time.Minute)).Wait(t.Context()))
	must(t, New(path, MaxAge(-1)).Wait(t.Context()))
	// An event that was never set is not set, with a limit either.
	if ok, err := New(filepath.Join(filepath.Dir(path), "other"), MaxAge(time.Minute)).WaitFor(0); ok || err != nil {
		t.Errorf("WaitFor() = %v, %v", ok, err)
	}
}

// The function of OnTake is called once for each event that was taken.
func TestOnTake(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	var taken []Info
	e := New(path, AutoReset(), OnTake(func(i Info) { taken = append(taken, i) }))
	if ok, err := e.WaitFor(0); ok || err != nil || len(taken) != 0 {
		t.Fatalf("WaitFor() = %v, %v; taken %v", ok, err, taken)
	}
	must(t, New(path, Note("one")).Set())
	must(t, e.Wait(t.Context()))
	must(t, os.WriteFile(path, nil, 0o644))
	old := time.Now().Add(-time.Minute).Truncate(time.Second)
	must(t, os.Chtimes(path, old, old))
	must(t, WaitAll(t.Context(), e))
	if len(taken) != 2 || taken[0].Note != "one" || taken[1].PID != 0 || !taken[1].Since.Equal(old) {
		t.Errorf("taken: %v", taken)
	}
}

// An event that is set again and again is never clear in between.
func TestRenewalLeavesItSet(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	must(t, New(path).Set())
	watcher := startAgent(t, path)
	ask(t, watcher, "waitclear", "asleep")
	setters := startAgents(t, 2, path, watching)
	for range 200 {
		tell(setters, "set")
		isSet(t, New(path), true)
		expect(t, setters, "ok")
	}
	watcher.Silent()
	must(t, New(path).Clear())
	watcher.Expect("ok")
}

// Another process comes between the two steps of a Set that renews.
func TestRenewalAndClear(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	other := startAgent(t, path, "auto")
	for _, act := range []string{"clear", "waitfor 0s", "pulse"} {
		must(t, New(path, Note("first")).Set())
		e := New(path, Note("second"))
		e.hook = once(renewing, func() {
			other.Send(act)
			other.Line()
		})
		must(t, e.Set())
		if got := info(t, e); got.Note != "second" {
			t.Fatalf("%s: %+v", act, got)
		}
		// The event is taken once.
		ask(t, other, "waitfor 0s", "true")
		ask(t, other, "waitfor 0s", "false")
	}
}

// One Set ends a wait once, also if the Set renews the event.
func TestRenewalWakesOnce(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	waiter := startAgent(t, path)
	e := New(path)
	must(t, e.Set())
	e.hook = once(renewing, func() {
		must(t, New(path).Clear())
		ask(t, waiter, "wait", "asleep")
	})
	must(t, e.Set())
	waiter.Expect("ok")
	wakesForTheNextSet(t, path, waiter)
}

// An event is set many times while others take it: each Set is taken once at most,
// and the last one is taken.
func TestRenewalWhileOthersTake(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	takers := startAgents(t, 4, path, watching, "auto")
	tell(takers, "race")
	r := joinRace(takers)
	setters := startAgents(t, 3, path, watching)
	const rounds = 100
	for range rounds {
		tell(setters, "set")
		expect(t, setters, "ok")
	}
	testproc.Until(t, "the event is taken", func() bool {
		set, err := New(path).IsSet()
		must(t, err)
		return !set
	})
	if n := r.stop(t); n < 1 || n > rounds*len(setters) {
		t.Errorf("taken %d times", n)
	}
}

// If a process dies in a Set that renews the event, the event stays set, and the next Set
// succeeds.
func TestDeathInARenewal(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	touchYesterday(t, path)
	a := startAgent(t, path)
	a.Send("die renewing set")
	testproc.Until(t, "the process is dead", a.Exited)
	isSet(t, New(path), true)
	e := New(path, MaxAge(time.Hour))
	if ok, err := e.WaitFor(0); ok || err != nil {
		t.Fatalf("WaitFor() = %v, %v", ok, err)
	}
	must(t, e.Set())
	must(t, e.Wait(t.Context()))
}

// If the marker has other content than a record, Set keeps the content and changes the time of
// the file. So a wait with MaxAge sees the Set.
func TestRenewalOfAFile(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	putYesterday(t, path, []byte("data\n"))
	e := New(path, MaxAge(time.Hour))
	if ok, err := e.WaitFor(0); ok || err != nil {
		t.Fatalf("WaitFor() = %v, %v", ok, err)
	}
	must(t, e.Set())
	if text := must2(os.ReadFile(path)); string(text) != "data\n" {
		t.Errorf("the content is now %q", text)
	}
	must(t, e.Wait(t.Context()))
}
