package fileevent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func autoEvent(t *testing.T) *Event { return New(markerPath(t), AutoReset()) }

// A takeRace is a number of agents that take one event again and again.
type takeRace struct {
	agents []*testproc.Proc
	lines  chan string // of all agents
}

// joinRace returns the race of agents that have got the command "race".
func joinRace(agents []*testproc.Proc) *takeRace {
	r := &takeRace{agents, make(chan string, len(agents))}
	for _, a := range agents {
		go func() {
			for line := range a.Lines() {
				r.lines <- line
			}
		}()
	}
	return r
}

func (r *takeRace) line(t *testing.T) string {
	t.Helper()
	select {
	case line := <-r.lines:
		return line
	case <-time.After(testproc.Patience):
		t.Fatal("no process has taken the event")
	}
	panic("unreachable")
}

// awaitTake waits until a process has taken the event once more.
func (r *takeRace) awaitTake(t *testing.T) {
	t.Helper()
	if line := r.line(t); line != "took" {
		t.Fatalf("a process said %q", line)
	}
}

// stop ends the race, and returns how often the event was taken.
func (r *takeRace) stop(t *testing.T) (sum int) {
	t.Helper()
	tell(r.agents, "stop")
	for ended := 0; ended < len(r.agents); {
		line := r.line(t)
		if n, ok := strings.CutSuffix(line, " taken"); ok {
			sum += must2(strconv.Atoi(n))
			ended++
		} else if line != "took" && line != "asleep" {
			t.Fatalf("a process said %q", line)
		}
	}
	return sum
}

// Many processes wait for one event; in a long run, most of them have no watcher. The event is
// taken as often as it is set.
func TestRaceForOneEvent(t *testing.T) {
	path := markerPath(t)
	n, rounds := testproc.Size(200, 30), 50
	agents := startAgents(t, n, path, watching, "auto")
	asleep(t, agents, "race")
	r := joinRace(agents)
	for range rounds {
		must(t, New(path).Set())
		r.awaitTake(t)
	}
	if n := r.stop(t); n != rounds {
		t.Errorf("taken %d times, and set %d times", n, rounds)
	}
	isSet(t, New(path), false)
}

func TestTakeInEveryMode(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		path := markerPath(t)
		waiter := how.startAgent(t, path, "auto")
		ask(t, waiter, "waitfor 0s", "false")
		for range 3 {
			ask(t, waiter, "wait", "asleep")
			must(t, New(path).Set())
			waiter.Expect("ok")
			isSet(t, New(path), false)
		}
		must(t, New(path).Set())
		ask(t, waiter, "wait", "ok") // taken at the first look
		isSet(t, New(path), false)
		must(t, New(path).Set())
		ask(t, waiter, "waitfor 0s", "true")
		ask(t, waiter, "waitfor 0s", "false")
	})
}

// Goroutines share their looks, but only one of them gets the event.
func TestTakersInOneProcess(t *testing.T) {
	t.Parallel()
	e := autoEvent(t)
	ctx, stop := context.WithCancel(t.Context())
	var taken atomic.Int64
	got := make(chan struct{})
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for e.Wait(ctx) == nil {
				taken.Add(1)
				got <- struct{}{}
			}
		})
	}
	rounds := testproc.Size(1000, 100)
	for range rounds {
		must(t, e.Set())
		select {
		case <-got:
		case <-time.After(testproc.Patience):
			t.Fatal("no wait has taken the event")
		}
	}
	stop()
	wg.Wait()
	if taken.Load() != int64(rounds) {
		t.Errorf("taken %d times, and set %d times", taken.Load(), rounds)
	}
	isSet(t, e, false)
}

// If many goroutines wait in one process, a Set makes only one of them try.
func TestOneTryForAll(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	ctx, stop := context.WithCancel(t.Context())
	const n = 50
	var tries atomic.Int64
	asleep, done := make(chan struct{}, 100*n), make(chan error, n)
	for range n {
		e := New(path, AutoReset())
		e.hook = func(s step) {
			switch s {
			case taking:
				tries.Add(1)
			case sleeping:
				asleep <- struct{}{}
			}
		}
		go func() { done <- e.Wait(ctx) }()
	}
	for range n {
		<-asleep
	}
	tries.Store(0)
	must(t, New(path).Set())
	ends(t, done)
	for range n - 1 {
		<-asleep
	}
	// A rescan may have woken a wait, which sleeps again.
	if got := tries.Load(); got < 1 || got > n/2 {
		t.Errorf("%d tries for one Set", got)
	}
	stop()
	for range n - 1 {
		<-done
	}
}

// A wait without AutoReset is woken, and takes nothing.
func TestOnlyTakersTake(t *testing.T) {
	t.Parallel()
	e := autoEvent(t)
	plain := New(e.Path())
	done := dozeOn(t, New(e.Path()), forever)
	must(t, plain.Set())
	ends(t, done)
	for range 2 {
		isSet(t, e, true)
		must(t, plain.Wait(t.Context()))
	}
	must(t, e.Wait(t.Context()))
	isSet(t, e, false)
}

// A pulse ends waits without AutoReset. A wait with AutoReset finds nothing to
// take.
func TestPulseLeavesNothingToTake(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	taker := startAgent(t, path, "auto")
	ask(t, taker, "waitfor 50ms", "asleep")
	goOn := taker.Halt()
	pulse(t, New(path))
	goOn()
	taker.Expect("false")
}

// An event that is set twice is taken once.
func TestSetTwiceIsTakenOnce(t *testing.T) {
	t.Parallel()
	e := autoEvent(t)
	must(t, e.Set(), e.Set())
	for _, want := range []bool{true, false} {
		if taken, err := e.WaitFor(-1); taken != want || err != nil {
			t.Fatalf("WaitFor(-1) = %v, %v", taken, err)
		}
	}
}

// If a process dies before it takes the event, the event stays set for the next wait. If it
// dies after that, the event stays taken.
func TestKilledTaker(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"taking", "took"} {
		for _, asleep := range []bool{false, true} {
			if at == "taking" && asleep {
				continue // it tries to take before it sleeps, and dies there
			}
			t.Run(fmt.Sprint(at, asleep), func(t *testing.T) {
				t.Parallel()
				path := markerPath(t)
				taker := startAgent(t, path, "auto")
				if asleep {
					taker.Send("die " + at + " wait")
					// It does not say "asleep", because "die" has replaced that hook.
					testproc.AwaitWatch(t, taker.PID(), filepath.Dir(path))
					must(t, New(path).Set())
				} else {
					must(t, New(path).Set())
					taker.Send("die " + at + " wait")
				}
				taker.Exit()
				isSet(t, New(path), at == "taking")
				next := startAgent(t, path, "auto")
				if at == "took" {
					ask(t, next, "wait", "asleep")
					must(t, New(path).Set())
				} else {
					next.Send("wait")
				}
				next.Expect("ok")
				isSet(t, New(path), false)
			})
		}
	}
}

// A process that dies while it takes several events leaves some of them taken and
// the others set.
func TestKilledWhileTakingSeveral(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"taking", "took"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			path := markerPath(t)
			first, second := New(path, AutoReset()), New(path+".2", AutoReset())
			must(t, first.Set())
			must(t, second.Set())
			taker := startAgent(t, path, "auto")
			taker.Send("die " + at + " waitall " + path + ".2")
			taker.Exit()
			isSet(t, first, at == "taking")
			isSet(t, second, true)
			must(t, first.Set())
			must(t, WaitAll(t.Context(), first, second))
			isSet(t, first, false)
			isSet(t, second, false)
		})
	}
}

// If the ctx of a wait ends while it takes the event, the wait returns nil.
func TestCtxEndsWhileTaking(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		ctx := &endable{context.Background(), make(chan struct{}), cause}
		e := autoEvent(t)
		must(t, e.Set())
		e.hook = once(took, func() { close(ctx.done) })
		must(t, e.Wait(ctx))
		isSet(t, e, false)
	}
}

// The event is set after the ctx has ended and before the last look: after a
// deadline it is taken, after a cancellation it is left to others.
func TestLastTry(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		for range 50 {
			ctx := &endable{context.Background(), make(chan struct{}), cause}
			e := autoEvent(t)
			e.hook = once(sleeping, func() {
				must(t, New(e.Path()).Set())
				close(ctx.done)
			})
			err := e.Wait(ctx)
			if err != nil && cause == context.Canceled {
				hasEnded(t, err, e.Path(), cause, cause)
			} else {
				must(t, err) // a notification may come before the end of the ctx
			}
			isSet(t, e, err != nil) // a wait that returned nil has taken it
		}
	}
}

// On a network file system, a taker renames the marker to a unique name.
func TestClaim(t *testing.T) {
	t.Parallel()
	gone := func(from string) error { return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist} }
	for name, c := range map[string]struct {
		rename func(from, to string) error
		want   bool
	}{
		"the answer comes":    {os.Rename, true},
		"the answer was lost": {func(from, to string) error { return errors.Join(os.Rename(from, to), gone(from)) }, true},
		"another took it":     {func(from, to string) error { return errors.Join(os.Remove(from), gone(from)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(markerPath(t))
			must(t, e.Set())
			got, err := e.marker.claim(c.rename)
			if got != c.want || err != nil {
				t.Errorf("claim() = %v, %v", got, err)
			}
			isSet(t, e, false)
			if got, err = e.marker.claim(os.Rename); got || err != nil {
				t.Errorf("claim() of nothing = %v, %v", got, err)
			}
			left, _ := filepath.Glob(filepath.Join(filepath.Dir(e.Path()), ".fsync", "*.taken"))
			if len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestRaceForAClaim(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	for range 200 {
		must(t, os.WriteFile(path, nil, 0o644)) // not Set, which may make the directory DIR/.fsync
		var taken atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				ok, err := splitMarker(path).claim(os.Rename)
				if err != nil {
					t.Error(err)
				}
				if ok {
					taken.Add(1)
				}
			})
		}
		wg.Wait()
		if taken.Load() != 1 {
			t.Fatalf("taken %d times", taken.Load())
		}
	}
}

// A directory sets the event, but cannot be taken.
func TestDirectoryIsNotTaken(t *testing.T) {
	t.Parallel()
	e := autoEvent(t)
	must(t, os.Mkdir(e.Path(), 0o755))
	_, tryErr := e.WaitFor(0)
	far := e.marker
	far.network = true
	_, claimErr := far.take()
	for _, err := range []error{tryErr, claimErr, e.Wait(t.Context())} {
		if named := (*fs.PathError)(nil); !errors.As(err, &named) {
			t.Errorf("error %v", err)
		}
	}
	isSet(t, e, true)
}

// The error of a take on a network file system names the marker. The event stays set.
func TestErrorOfAClaim(t *testing.T) {
	t.Parallel()
	m := splitMarker(markerPath(t))
	m.network = true
	must(t, New(m.path).Set(), os.WriteFile(m.dir+".fsync", nil, 0o644))
	taken, err := m.take()
	if named := (*fs.PathError)(nil); taken || !errors.As(err, &named) || named.Path != m.path || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("take() = %v, %T: %v", taken, err, err)
	}
	isSet(t, New(m.path), true)
}
