package fileevent

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A Set between the first look and the subscription is not reported. The wait must
// look again before it sleeps.
func TestCheckWatchRace(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	race := func(change func() error, wait func(*Event, context.Context) error) {
		e := New(path)
		e.hook = func(s step) {
			switch s {
			case subscribing:
				must(t, change())
			case sleeping:
				t.Error("the wait sleeps although the change has come")
			}
		}
		must(t, wait(e, t.Context()))
	}
	race(New(path).Set, (*Event).Wait)
	race(New(path).Clear, (*Event).WaitClear)
}

// A pulse between the start of a wait and its first look must wake it: the
// tombstone has to be read before the look.
func TestReadsTombstoneBeforeLooking(t *testing.T) {
	t.Parallel()
	for _, earlier := range []bool{false, true} { // with and without an earlier tombstone
		path := markerPath(t)
		other, e := New(path), New(path)
		if earlier {
			pulse(t, other)
		}
		e.hook = once(looking, func() {
			pulse(t, other)
		})
		if ok, err := e.WaitFor(testproc.Patience / 4); !ok {
			t.Fatalf("WaitFor() = %v, %v: it missed the pulse", ok, err)
		}
	}
}

// There is no tombstone as long as the marker exists.
func TestTheMarkerIsTheTombstone(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	e := New(path)
	var seen []step
	e.hook = func(s step) {
		seen = append(seen, s)
		isSet(t, New(path), true)
		if now, err := splitMarker(path).tombstone(); err != nil || now.exists {
			t.Errorf("at step %d the tombstone is %v, %v", s, now, err)
		}
	}
	pulse(t, e)
	if want := []step{marked, recorded, clearing}; !slices.Equal(seen, want) {
		t.Errorf("steps %v", seen)
	}
	if now, err := splitMarker(path).tombstone(); err != nil || !now.exists {
		t.Errorf("there is no tombstone: %v", err)
	}
}

// A Clear has seen one marker and then clears a later one: no wait misses the later
// one.
func TestClearOfTheNextMarker(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	must(t, New(path).Set())
	slow := New(path)
	var done <-chan error
	slow.hook = once(clearing, func() {
		must(t, New(path).Clear())
		done = doze(t, path, forever)
		must(t, New(path).Set())
	})
	must(t, slow.Clear())
	ends(t, done)
	isSet(t, New(path), false)
}

// A Clear comes before Set has written its record: that leaves one tombstone, not two.
func TestTombstoneGetsItsRecordLater(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	setter := New(path)
	var again <-chan bool
	setter.hook = once(marked, func() {
		must(t, New(path).Clear())
		again = waitBriefly(t, path)
	})
	must(t, setter.Set())
	must(t, os.WriteFile(path+".else", nil, 0o644)) // causes a report that concerns no wait
	if <-again {
		t.Error("a wait that began after the Clear was ended by the record")
	}
}

// One Set wakes a waiter once, even if it wakes it so early that the waiter
// has cleared the event and waits again before Set returns.
func TestOneSetWakesOnce(t *testing.T) {
	t.Parallel()
	for _, s := range []step{marked, recorded} {
		path := markerPath(t)
		setter, waiter := New(path), New(path)
		var again <-chan bool
		setter.hook = once(s, func() {
			must(t, waiter.Wait(t.Context()))
			must(t, waiter.Clear())
			again = waitBriefly(t, path)
		})
		must(t, setter.Set())
		if <-again {
			t.Errorf("woken again by the Set that was at step %d", s)
		}
	}
}

// waitBriefly starts a short wait, and returns when it sleeps. The channel tells whether the
// wait found the event set.
func waitBriefly(t *testing.T, path string) <-chan bool {
	asleep, woken := make(chan struct{}), make(chan bool, 1)
	e := New(path)
	e.hook = once(sleeping, func() { close(asleep) })
	go func() {
		ok, err := e.WaitFor(300 * time.Millisecond)
		if err != nil {
			t.Error(err)
		}
		woken <- ok
	}()
	<-asleep
	return woken
}

// Two processes clear an event at the same time: the slower one does not wake a wait
// that began after the faster one.
func TestSecondClearWakesNobody(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(path string) error{
		"set":   func(path string) error { return New(path).Set() },
		"touch": func(path string) error { return os.WriteFile(path, nil, 0o666) },
	} {
		path := markerPath(t)
		must(t, set(path))
		slow, fast := New(path), New(path)
		var again <-chan bool
		slow.hook = once(clearing, func() {
			must(t, fast.Clear())
			again = waitBriefly(t, path)
		})
		must(t, slow.Clear())
		if <-again {
			t.Errorf("%s: a wait was ended by a second Clear", name)
		}
	}
}

// Two markers leave different tombstones, even if they are made one right after the other.
func TestTombstonesDiffer(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	e := New(path)
	var all []version
	for range 100 {
		pulse(t, e)
		now, err := splitMarker(path).tombstone()
		must(t, err)
		for _, before := range all {
			if !now.differs(before) {
				t.Fatalf("the tombstone is %v again", now)
			}
		}
		all = append(all, now)
	}
}

// If no process clears the event, a wait that ends leaves it set.
func TestWokenMeansSet(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	e := New(path)
	for range testproc.Size(1000, 100) {
		done := make(chan error, 1)
		go func() { done <- New(path).Set() }()
		must(t, e.Wait(t.Context()))
		isSet(t, e, true)
		must(t, <-done)
		must(t, e.Clear())
	}
}

// A Clear by another process in the middle of a Set: no wait misses the Set.
func TestClearedInTheMiddleOfSet(t *testing.T) {
	t.Parallel()
	for _, s := range []step{marked, recorded} {
		path := markerPath(t)
		setter, e := New(path), New(path)
		setter.hook = once(s, func() { must(t, New(path).Clear()) })
		e.hook = once(sleeping, func() { must(t, setter.Set()) })
		if ok, err := e.WaitFor(testproc.Patience); !ok {
			t.Fatalf("WaitFor() = %v, %v", ok, err)
		}
	}
}

func TestWaitFor(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	for _, d := range []time.Duration{0, -1, math.MinInt64} {
		if ok, err := e.WaitFor(d); ok || err != nil {
			t.Errorf("WaitFor(%d) = %v, %v", d, ok, err)
		}
	}
	for _, d := range []time.Duration{1, time.Millisecond, 50 * time.Millisecond} {
		start := time.Now()
		ok, err := e.WaitFor(d)
		if ok || err != nil {
			t.Errorf("WaitFor(%v) = %v, %v", d, ok, err)
		}
		if took := time.Since(start); took < d || took > d+testproc.Patience/4 {
			t.Errorf("WaitFor(%v) took %v", d, took)
		}
	}
	must(t, e.Set())
	for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Hour, math.MaxInt64} {
		if ok, err := e.WaitFor(d); !ok || err != nil {
			t.Errorf("WaitFor(%d) of a set event = %v, %v", d, ok, err)
		}
	}
}

func TestWaitForLongerThanAnyClock(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	done := doze(t, path, func(e *Event) error {
		if ok, err := e.WaitFor(math.MaxInt64); !ok {
			return errors.Join(errors.New("WaitFor did not wait"), err)
		}
		return nil
	})
	must(t, New(path).Set())
	ends(t, done)
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	reason := errors.New("the reason")
	path := markerPath(t)

	ctx, cancel := context.WithCancelCause(t.Context())
	done := doze(t, path, func(e *Event) error { return e.Wait(ctx) })
	cancel(reason)
	hasEnded(t, <-done, path, reason, context.Canceled)

	ctx, stop := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, reason)
	defer stop()
	hasEnded(t, New(path).Wait(ctx), path, reason, context.DeadlineExceeded)

	// A ctx that has ended counts more than a set event.
	must(t, New(path).Set())
	hasEnded(t, New(path).Wait(ctx), path, reason, context.DeadlineExceeded)
	must(t, New(path).Clear())
	hasEnded(t, New(path).WaitClear(ctx), path, reason, context.DeadlineExceeded)
}

func hasEnded(t *testing.T, err error, path string, cause, ctxErr error) {
	t.Helper()
	if !errors.Is(err, cause) || !errors.Is(err, ctxErr) {
		t.Fatalf("%v is not %q and %q", err, cause, ctxErr)
	}
	if want := "fileevent: wait for " + path + ": " + cause.Error(); err.Error() != want {
		t.Fatalf("the error reads %q, want %q", err, want)
	}
}

// An endable is a ctx that ends when the test closes done, with the error err.
type endable struct {
	context.Context
	done chan struct{}
	err  error
}

func (c *endable) Done() <-chan struct{} { return c.done }
func (c *endable) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// The event is set, and the deadline comes before any notification: the wait succeeds.
func TestLastLookAtTheDeadline(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	for range 100 {
		ctx := &endable{context.Background(), make(chan struct{}), context.DeadlineExceeded}
		other, e := New(path), New(path)
		e.hook = once(sleeping, func() {
			must(t, other.Set())
			close(ctx.done)
		})
		must(t, e.Wait(ctx))
		must(t, other.Clear())
	}
}

// The directory may be removed, replaced or moved, with or without a report: the
// wait goes on and ends when the event at the path is set.
func TestSilentWatchDeath(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(dir string) error{
		"removed": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755))
		},
		"renamed": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o755))
		},
		// These two are not reported.
		"removed while it is open": func(dir string) error {
			inside, err := os.Open(dir)
			if err != nil {
				return err
			}
			t.Cleanup(func() { inside.Close() })
			return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755))
		},
		"parent renamed": func(dir string) error {
			parent := filepath.Dir(dir)
			return errors.Join(os.Rename(parent, parent+".old"), os.MkdirAll(dir, 0o755))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("a watched directory cannot be replaced on Windows")
			}
			t.Parallel()
			inEveryMode(t, func(t *testing.T, how mode) {
				path := filepath.Join(t.TempDir(), "parent", "dir", "ready")
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				pulse(t, New(path)) // leaves a tombstone, which is lost with the directory
				waiters := startAgents(t, 2, path, how)
				asleep(t, waiters, "wait")
				must(t, replace(filepath.Dir(path)))
				waiters[0].Silent()
				ask(t, startAgent(t, path), "set", "ok")
				expect(t, waiters, "ok")
			})
		})
	}
}

// The removal of the directory does not count as a pulse.
func TestRemovedDirectoryWakesNobody(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dir", "ready")
	must(t, os.Mkdir(filepath.Dir(path), 0o755))
	pulse(t, New(path))
	done := doze(t, path, func(e *Event) error {
		if ok, err := e.WaitFor(1500 * time.Millisecond); ok || err != nil {
			return errors.Join(errors.New("woken"), err)
		}
		return nil
	})
	must(t, os.RemoveAll(filepath.Dir(path)))
	ends(t, done)
}

// The directory and its parents are created after the wait began.
func TestWaitBeforeThereIsADirectory(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		path := filepath.Join(t.TempDir(), "parent", "dir", "ready")
		waiters := startAgents(t, 2, path, how)
		ask(t, waiters[0], "waitfor 20ms", "asleep")
		waiters[0].Expect("false")
		asleep(t, waiters, "wait")
		must(t, os.Mkdir(filepath.Dir(filepath.Dir(path)), 0o755))
		waiters[0].Silent()
		must(t, os.Mkdir(filepath.Dir(path), 0o755))
		waiters[0].Silent()
		pulse(t, New(path))
		expect(t, waiters, "ok")
	})
}

// If a file is created in the place of the directory, the wait ends with an error.
func TestWaitWhereAFileComes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file", "ready")
	done := doze(t, path, func(e *Event) error {
		if err := e.Wait(context.Background()); err == nil {
			return errors.New("the wait has ended without an error")
		}
		return nil
	})
	must(t, os.WriteFile(filepath.Dir(path), nil, 0o644))
	ends(t, done)
}

func TestWaitClearEndsWithTheDirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dir", "ready")
	must(t, os.Mkdir(filepath.Dir(path), 0o755))
	must(t, New(path).Set())
	done := doze(t, path, func(e *Event) error { return e.WaitClear(context.Background()) })
	must(t, os.RemoveAll(filepath.Dir(path)))
	ends(t, done)
}

func TestRelativePathStaysWhereItWas(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	done := doze(t, "ready", forever)
	t.Chdir(t.TempDir())
	must(t, New(filepath.Join(dir, "ready")).Set())
	ends(t, done)
	isSet(t, New("ready"), false)
	must(t, New("ready").Set())
	isSet(t, New("./ready"), true)
}

// a/../b with a symbolic link a is not b.
func TestPathIsNotCleaned(t *testing.T) {
	t.Parallel()
	unclean, clean := pathsOfOneMarker(t)
	done := doze(t, unclean, forever)
	must(t, New(clean).Set())
	ends(t, done)
}

// A wait leaves no goroutine, whatever ends it.
func TestWaitsLeaveNoGoroutines(t *testing.T) {
	path := markerPath(t)
	first := doze(t, path, forever) // makes the watcher, whose goroutines stay
	pulse(t, New(path))
	ends(t, first)
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if i%2 == 0 {
				New(path).WaitFor(time.Millisecond)
				return
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			New(path).Wait(ctx)
		})
	}
	wg.Wait()
	testproc.Until(t, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= before })
}
