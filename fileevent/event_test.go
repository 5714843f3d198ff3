package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func TestSetWakesOtherProcesses(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		path := markerPath(t)
		setter := startAgent(t, path)
		waiters := startAgents(t, 4, path, how)
		for range 3 {
			asleep(t, waiters, "wait")
			ask(t, setter, "set", "ok")
			expect(t, waiters, "ok")

			asleep(t, waiters, "waitclear")
			ask(t, setter, "clear", "ok")
			expect(t, waiters, "ok")
		}
	})
}

// A pulse always wakes every waiter, and no waiter that began after the pulse.
func TestPulseIsNotLost(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		path := markerPath(t)
		setter := startAgent(t, path)
		waiters := startAgents(t, 20, path, how)
		for range testproc.Size(50, 15) {
			asleep(t, waiters, "wait")
			ask(t, setter, "pulse", "ok")
			expect(t, waiters, "ok")
		}
		isSet(t, New(path), false)
	})
}

// touch(1) sets the event, Set renews it, and Clear clears it before the waiter looks. The
// waiter wakes.
func TestPulseOfATouchedMarker(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	other, e := New(path), New(path)
	e.hook = once(sleeping, func() {
		must(t, os.WriteFile(path, nil, 0o644))
		pulse(t, other)
	})
	if ok, err := e.WaitFor(testproc.Patience); !ok {
		t.Fatalf("WaitFor() = %v, %v", ok, err)
	}
}

// Many processes wait for the event and clear it when it is set, all at the same time. Each
// Set still wakes every waiter, and only once.
func TestEveryoneClears(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		path := markerPath(t)
		others := startAgents(t, 5, path, how)
		asleep(t, others, "consume")
		eachSetWakes(t, path, testproc.Size(50, 20))
	})
}

func TestPulseBeforeWaitDoesNotWake(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	setter := startAgent(t, path)
	// Because of another wait there is a watch, which may still report earlier pulses.
	other := filepath.Join(filepath.Dir(path), "other")
	done := doze(t, other, forever)
	e := New(path)
	for range 20 {
		ask(t, setter, "pulse", "ok")
		if ok, err := e.WaitFor(5 * time.Millisecond); ok || err != nil {
			t.Fatalf("WaitFor() after a pulse = %v, %v", ok, err)
		}
	}
	must(t, New(other).Set())
	ends(t, done)
}

func TestSetAndClearAreIdempotent(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	for range 3 {
		must(t, e.Clear())
		isSet(t, e, false)
	}
	for range 3 {
		must(t, e.Set())
		isSet(t, e, true)
	}
	must(t, e.Clear())
	must(t, e.Clear())
	isSet(t, e, false)
}

// The first processes that clear events of a directory make the directory of the tombstones at
// the same time.
func TestRacingSetters(t *testing.T) {
	t.Parallel()
	for range 10 {
		path := markerPath(t)
		setters := startAgents(t, 4, path, watching)
		tell(setters, "set")
		expect(t, setters, "ok")
		isSet(t, New(path), true)
		tell(setters, "clear")
		expect(t, setters, "ok")
		isSet(t, New(path), false)
		left, err := os.ReadDir(filepath.Join(filepath.Dir(path), ".fsync"))
		if err != nil || len(left) != 1 || left[0].Name() != "ready.pulse" {
			t.Fatalf("in the directory of the tombstones: %v, %v", left, err)
		}
	}
}

func TestRacingSettersInOneProcess(t *testing.T) {
	t.Parallel()
	for _, e := range eventsIn(t.TempDir(), testproc.Size(200, 40)) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := e.Set(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		isSet(t, e, true)
	}
}

func TestKilledWaiterDoesNotDisturb(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		path := markerPath(t)
		waiters := startAgents(t, 3, path, how)
		asleep(t, waiters, "wait")
		waiters[1].Kill()
		must(t, New(path).Set())
		expect(t, []*testproc.Proc{waiters[0], waiters[2]}, "ok")
	})
}

// A process dies in Set, at any step: the event is set, the waiters wake, and later calls
// succeed.
func TestKilledSetterLeavesNobodyHanging(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"marked", "recorded"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			inEveryMode(t, func(t *testing.T, how mode) {
				path := markerPath(t)
				waiters := startAgents(t, 2, path, how)
				asleep(t, waiters, "wait")
				setter := startAgent(t, path)
				setter.Send("die " + at + " set")
				setter.Exit()
				isSet(t, New(path), true)
				expect(t, waiters, "ok")
				info, err := New(path).Info()
				must(t, err)
				if known := info.PID != 0; !info.Set || known == (at == "marked") {
					t.Errorf("Info() = %+v", info)
				}
				ask(t, startAgent(t, path), "clear", "ok")
				asleep(t, waiters, "wait")
				ask(t, startAgent(t, path), "set", "ok")
				expect(t, waiters, "ok")
			})
		})
	}
}

// A process dies in Clear, before it moves the marker: the event is still set, no waiter wakes,
// and the next Clear succeeds.
func TestKilledClearerLeavesNobodyHanging(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		path := markerPath(t)
		must(t, New(path).Set())
		waiter := how.startAgent(t, path)
		ask(t, waiter, "waitclear", "asleep")
		clearer := startAgent(t, path)
		clearer.Send("die clearing clear")
		clearer.Exit()
		isSet(t, New(path), true)
		waiter.Silent()
		must(t, New(path).Clear())
		waiter.Expect("ok")
		wakesForTheNextSet(t, path, waiter)
	})
}

func TestPerm(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	must(t, New(path, Perm(0o600)).Set())
	info, err := os.Stat(path)
	must(t, err)
	if got := info.Mode(); got != 0o600 && filepath.Separator == '/' {
		t.Errorf("the marker's mode is %v", got)
	}
	if got := New(path).Path(); got != path {
		t.Errorf("Path() = %q", got)
	}
}

func TestOddNames(t *testing.T) {
	t.Parallel()
	names := []string{"a b", "ü", "...", ".hidden", "-rf", "a\nb", `a\b`, "*?[x]", "\xff\xfe", "a.pulse", "..b", "'\"$(x)"}
	if filepath.Separator != '/' {
		names = []string{"a b", "ü", ".hidden", "-rf", "a.pulse", "..b"}
	}
	for _, name := range names {
		for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), name)} {
			must(t, os.MkdirAll(dir, 0o755))
			path := filepath.Join(dir, name)
			done := doze(t, path, forever)
			must(t, New(path).Set())
			ends(t, done)
			isSet(t, New(path), true)
			must(t, New(path).Clear())
			isSet(t, New(path), false)
		}
	}
}

func TestLongNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for n := 245; n <= 255; n++ {
		path := filepath.Join(dir, strings.Repeat("x", n))
		e, done := New(path), doze(t, path, forever)
		pulse(t, e)
		ends(t, done)
		isSet(t, e, false)
	}
	tooLong := New(filepath.Join(dir, strings.Repeat("x", 256)))
	failures(t, tooLong, func(err error) bool { return err != nil })
}

func TestInvalidNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + string(filepath.Separator)
	for _, path := range []string{"", ".", "..", dir, dir + ".", dir + "..", dir + ".fsync"} {
		e := New(path)
		failures(t, e, func(err error) bool { return errors.Is(err, fs.ErrInvalid) })
	}
}

// failures fails the test unless ok accepts the error of every method.
func failures(t *testing.T, e *Event, ok func(error) bool) {
	t.Helper()
	_, isSetErr := e.IsSet()
	_, lookErr := e.WaitFor(0)
	_, waitErr := e.WaitFor(testproc.Patience)
	_, infoErr := e.Info()
	auto := New(e.Path(), AutoReset())
	_, tryErr := auto.WaitFor(0)
	_, anyErr := WaitAny(t.Context(), e)
	for what, err := range map[string]error{
		"Set": e.Set(), "Clear": e.Clear(), "IsSet": isSetErr, "WaitFor(0)": lookErr, "WaitFor": waitErr,
		"Wait": e.Wait(t.Context()), "WaitClear": e.WaitClear(t.Context()), "Info": infoErr,
		"WaitFor(0) to take": tryErr, "Wait to take": auto.Wait(t.Context()),
		"WaitAny": anyErr, "WaitAll": WaitAll(t.Context(), e),
	} {
		var named *fs.PathError
		if !ok(err) || !errors.As(err, &named) {
			t.Errorf("%s(%q): %v", what, e.Path(), err)
		}
	}
}

func TestMissingDirectory(t *testing.T) {
	t.Parallel()
	e := New(filepath.Join(t.TempDir(), "missing", "ready"))
	_, isSetErr := e.IsSet()
	_, lookErr := e.WaitFor(0)
	_, tryErr := New(e.Path(), AutoReset()).WaitFor(0)
	_, infoErr := e.Info()
	for what, err := range map[string]error{
		"Set": e.Set(), "Clear": e.Clear(), "IsSet": isSetErr, "WaitFor(0)": lookErr, "WaitFor(0) to take": tryErr, "Info": infoErr,
	} {
		var named *fs.PathError
		if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &named) || !strings.Contains(named.Path, "missing") {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, e.WaitClear(t.Context()))
}

func TestFileInTheDirectorysPlace(t *testing.T) {
	t.Parallel()
	file := markerPath(t)
	must(t, os.WriteFile(file, nil, 0o644))
	failures(t, New(filepath.Join(file, "ready")), func(err error) bool { return err != nil })
}

// Another file is in the place of the tombstone or of its directory: Clear fails, and the
// event stays set.
func TestClearFailsIfItsPlaceIsTaken(t *testing.T) {
	t.Parallel()
	for name, block := range map[string]func(dir string) error{
		"a file for the directory": func(dir string) error { return os.WriteFile(dir, []byte("text"), 0o644) },
		"a link for the directory": func(dir string) error {
			return errors.Join(os.Mkdir(dir+".d", 0o755), os.Symlink(dir+".d", dir))
		},
		"a directory for the tombstone": func(dir string) error { return os.MkdirAll(filepath.Join(dir, "ready.pulse"), 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			path := markerPath(t)
			must(t, block(filepath.Join(filepath.Dir(path), ".fsync")))
			e := New(path)
			must(t, e.Set())
			err := e.Clear()
			if named := (*fs.PathError)(nil); !errors.As(err, &named) {
				t.Errorf("Clear() = %v", err)
			}
			isSet(t, e, true)
			if found, _ := os.ReadDir(filepath.Join(filepath.Dir(path), ".fsync.d")); len(found) > 0 {
				t.Errorf("Clear wrote through the link: %v", found)
			}
		})
	}
}
