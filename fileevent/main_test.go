package fileevent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{"agent": agent})
}

// agent does what it is told about the event at args[0] and says what came of
// it: "asleep" when a wait is about to sleep for the first time, then "ok",
// "true", "false" or the error. With "poll" as args[1] it has no watcher.
func agent(args []string) error {
	if len(args) > 1 {
		if err := banWatchers(); err != nil {
			return err
		}
	}
	e := New(args[0])
	fmt.Println("ready")
	for {
		line, err := testproc.Hear()
		if err != nil {
			return nil // the test has ended
		}
		e.hook = once(sleeping, func() { fmt.Println("asleep") })
		fmt.Println(obey(e, line))
	}
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
	case "waitclear":
		err = e.WaitClear(context.Background())
	case "die": // in the middle of Set
		e.hook = once(marked, func() { kill(os.Getpid()) })
		err = e.Set()
	case "waitfor":
		d, _ := time.ParseDuration(arg)
		ok, err = e.WaitFor(d)
		return answer(ok, err)
	case "isset":
		ok, err = e.IsSet()
		return answer(ok, err)
	case "watchers":
		return fmt.Sprint(watchers(), " watchers")
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
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
	select {}
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

// startAgents starts n processes that look after the event at path.
func startAgents(t *testing.T, n int, path string, how mode) []*testproc.Proc {
	t.Helper()
	agents := make([]*testproc.Proc, n)
	for i := range agents {
		agents[i] = how.start(t, path)
	}
	for _, a := range agents {
		a.Expect("ready")
	}
	return agents
}

func startAgent(t *testing.T, path string) *testproc.Proc {
	t.Helper()
	return startAgents(t, 1, path, watching)[0]
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

func ask(t *testing.T, a *testproc.Proc, line, want string) {
	t.Helper()
	a.Send(line)
	a.Expect(want)
}

// A mode is a way to wait that tests are run in.
type mode struct {
	name  string
	start func(t *testing.T, path string) *testproc.Proc
}

var watching = mode{"watching", func(t *testing.T, path string) *testproc.Proc {
	t.Helper()
	return testproc.Start(t, "agent", path)
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

// doze starts a wait in this process and returns when it is about to sleep.
func doze(t *testing.T, path string, wait func(*Event) error) <-chan error {
	t.Helper()
	e := New(path)
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

func forever(e *Event) error { return e.Wait(context.Background()) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ends fails the test unless the wait ends without an error.
func ends(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(testproc.Patience):
		t.Fatal("nobody has woken the wait")
	}
}

func isSet(t *testing.T, e *Event, want bool) {
	t.Helper()
	if set, err := e.IsSet(); set != want || err != nil {
		t.Fatalf("IsSet() = %v, %v, want %v", set, err, want)
	}
}
