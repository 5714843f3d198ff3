package fileevent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/fsync-lock/fsync/internal/watch"
)

func TestMain(m *testing.M) {
	testproc.AtOnce(8)
	testproc.Main(m, map[string]testproc.Role{"agent": agent})
}

// agent carries out the commands that it reads, with the event at args[0], and prints the
// results: "asleep" when a wait is about to sleep for the first time, then "ok", "true",
// "false" or the error. The other args change the event and the process, see below.
func agent(args []string) error {
	var opts []Option
	events := 0
	for _, arg := range args[1:] {
		if note, ok := strings.CutPrefix(arg, "note="); ok {
			opts = append(opts, Note(note))
			continue
		}
		switch arg {
		default: // how many events of the directory it waits for
			events, _ = strconv.Atoi(arg)
		case "poll": // it gets no watcher
			if err := banWatchers(); err != nil {
				return err
			}
		case "overlay": // the directory is an overlay
			if err := overlayOn(filepath.Dir(args[0])); err != nil {
				return err
			}
		case "blind": // it makes no rescans
			watch.NoRescans()
		case "debug": // its log goes to stderr
			slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})))
		case "auto":
			opts = append(opts, AutoReset())
		case "hour":
			opts = append(opts, MaxAge(time.Hour))
		}
	}
	e := New(args[0], opts...)
	fmt.Println("ready")
	for {
		line, err := testproc.Hear()
		if err != nil {
			return nil // the test has ended
		}
		if line == "end" {
			return nil
		}
		e.hook = once(sleeping, func() { fmt.Println("asleep") })
		if all := eventsIn(filepath.Dir(args[0]), events); events > 0 {
			all[0].hook = e.hook
			fmt.Println(obeyForMany(all, line))
			continue
		}
		fmt.Println(obey(e, line))
	}
}

func obeyForMany(events []*Event, line string) any {
	if line == "waitall" {
		if err := WaitAll(context.Background(), events...); err != nil {
			return err
		}
		return "ok"
	}
	if line == "watch" { // event 7, while this process waits for the others
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		w, err := events[7].Watch()
		if err != nil {
			return err
		}
		events[7].hook = once(sleeping, func() { fmt.Println("asleep") })
		go WaitAny(ctx, append(events[:7:7], events[8:]...)...)
		if err := w.Next(ctx); err != nil {
			return err
		}
		return 7
	}
	i, err := WaitAny(context.Background(), events...)
	if err != nil {
		return err
	}
	return i
}

func obey(e *Event, line string) string {
	var ok bool
	var err error
	switch command, arg, _ := strings.Cut(line, " "); command {
	case "set":
		err = e.Set()
	case "clear":
		err = e.Clear()
	case "pulse":
		err = errors.Join(e.Set(), e.Clear())
	case "wait":
		err = e.Wait(context.Background())
	case "consume": // waits and clears, again and again
		for err == nil {
			if err = e.Wait(context.Background()); err == nil {
				err = e.Clear()
			}
		}
	case "sweep": // waits, clears and tidies, again and again
		for err == nil {
			if err = e.Wait(context.Background()); err == nil {
				err = e.Clear()
				e.Tidy()
			}
		}
	case "follow":
		err = follow(e)
	case "starve": // waits; at the step arg, the process loses its descriptors
		e.hook = once(steps[arg], func() {
			defer fmt.Println("starving")
			takeDescriptors()
		})
		err = e.Wait(context.Background())
	case "leave": // waits; the process goes to another directory while the wait makes its watch
		asleep, leave := e.hook, once(subscribing, func() { os.Chdir(arg) })
		e.hook = func(s step) { leave(s); asleep(s) }
		err = e.Wait(context.Background())
	case "waitall": // the event and another one, to take both
		err = WaitAll(context.Background(), e, New(arg, AutoReset()))
	case "waitclear":
		err = e.WaitClear(context.Background())
	case "die": // at a step of another command, both in arg
		at, what, _ := strings.Cut(arg, " ")
		e.hook = once(steps[at], func() { kill(os.Getpid()) })
		return obey(e, what)
	case "race": // takes the event again and again until the next line
		return fmt.Sprint(takeUntilLine(e), " taken")
	case "waitfor":
		d, _ := time.ParseDuration(arg)
		ok, err = e.WaitFor(d)
		return answer(ok, err)
	case "isset":
		ok, err = e.IsSet()
		return answer(ok, err)
	case "info":
		var i Info
		if i, err = e.Info(); err == nil {
			return i.String()
		}
	case "watchers":
		return fmt.Sprint(watchers(), " watchers")
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

var steps = map[string]step{"looking": looking, "sleeping": sleeping, "marked": marked, "recorded": recorded, "renewing": renewing, "clearing": clearing, "taking": taking, "took": took}

func takeUntilLine(e *Event) (n int) {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		testproc.Hear()
		stop()
	}()
	for e.Wait(ctx) == nil {
		n++
		fmt.Println("took")
	}
	return n
}

func answer(ok bool, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(ok)
}

func kill(pid int) {
	p, _ := os.FindProcess(pid)
	p.Kill()
	testproc.Forever()
}

// once returns a hook that calls f the first time that s is reached.
func once(s step, f func()) func(step) {
	var o sync.Once
	return func(at step) {
		if at == s {
			o.Do(f)
		}
	}
}

// startAgents starts n processes with the role agent, for the event at path.
func startAgents(t *testing.T, n int, path string, how mode, args ...string) []*testproc.Proc {
	t.Helper()
	agents := make([]*testproc.Proc, n)
	for i := range agents {
		agents[i] = how.start(t, append([]string{path}, args...)...)
	}
	for _, a := range agents {
		a.Expect("ready")
	}
	return agents
}

func startAgent(t *testing.T, path string, args ...string) *testproc.Proc {
	t.Helper()
	return watching.startAgent(t, path, args...)
}

// startCmd starts the command of an agent.
func startCmd(t *testing.T, cmd *exec.Cmd) *testproc.Proc {
	t.Helper()
	a := testproc.StartCmd(t, cmd)
	a.Expect("ready")
	return a
}

func tell(all []*testproc.Proc, line string) {
	for _, a := range all {
		a.Send(line)
	}
}

func expect(t *testing.T, all []*testproc.Proc, line string) {
	t.Helper()
	for _, a := range all {
		a.Expect(line)
	}
}

// asleep tells processes to wait, and returns when their waits are about to sleep.
func asleep(t *testing.T, all []*testproc.Proc, command string) {
	t.Helper()
	tell(all, command)
	expect(t, all, "asleep")
}

func ask(t *testing.T, a *testproc.Proc, line, want string) {
	t.Helper()
	a.Send(line)
	a.Expect(want)
}

// A mode is a way in which processes wait. Tests run in each mode.
type mode struct {
	name  string
	start func(t *testing.T, args ...string) *testproc.Proc
}

func (how mode) startAgent(t *testing.T, path string, args ...string) *testproc.Proc {
	t.Helper()
	return startAgents(t, 1, path, how, args...)[0]
}

var watching = mode{"watching", func(t *testing.T, args ...string) *testproc.Proc {
	t.Helper()
	return testproc.Start(t, "agent", args...)
}}

func inEveryMode(t *testing.T, test func(t *testing.T, how mode)) {
	for _, how := range []mode{watching, polling} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			test(t, how)
		})
	}
}

func markerPath(t *testing.T) string { return filepath.Join(t.TempDir(), "ready") }

// doze starts a wait in this process and returns when the wait is about to sleep.
func doze(t *testing.T, path string, wait func(*Event) error) <-chan error {
	t.Helper()
	return dozeOn(t, New(path), wait)
}

func dozeOn(t *testing.T, e *Event, wait func(*Event) error) <-chan error {
	t.Helper()
	asleep := make(chan struct{})
	e.hook = once(sleeping, func() { close(asleep) })
	done := make(chan error, 1)
	go func() { done <- wait(e) }()
	select {
	case <-asleep:
	case err := <-done:
		t.Fatalf("the wait did not sleep: %v", err)
	case <-time.After(testproc.Patience):
		t.Fatal("the wait neither sleeps nor ends")
	}
	return done
}

// goesOn fails the test if the wait has ended.
func goesOn(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		t.Fatalf("the wait has ended too early: %v", err)
	default:
	}
}

func forever(e *Event) error { return e.Wait(context.Background()) }

var must = testproc.Must

// ends fails the test unless the wait ends without an error.
func ends(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(testproc.Patience):
		t.Fatal("nothing has woken the wait")
	}
}

// pulse sets the event and clears it at once.
func pulse(t *testing.T, e *Event) {
	t.Helper()
	must(t, e.Set(), e.Clear())
}

// eachSetWakes sets an event that other processes clear, again and again, and fails the test
// unless each Set ends a wait that sleeps when the Set begins.
func eachSetWakes(t *testing.T, path string, sets int) {
	t.Helper()
	for range sets {
		must(t, New(path).WaitClear(t.Context()))
		done := doze(t, path, forever)
		must(t, New(path).Set())
		ends(t, done)
	}
}

// wakesForTheNextSet clears the event and fails the test unless a new wait of the process
// ignores the Set before, and ends with the next Set.
func wakesForTheNextSet(t *testing.T, path string, waiter *testproc.Proc) {
	t.Helper()
	must(t, New(path).Clear())
	ask(t, waiter, "wait", "asleep")
	waiter.Silent()
	must(t, New(path).Set())
	waiter.Expect("ok")
}

func isSet(t *testing.T, e *Event, want bool) {
	t.Helper()
	if set, err := e.IsSet(); set != want || err != nil {
		t.Fatalf("IsSet() = %v, %v, want %v", set, err, want)
	}
}
