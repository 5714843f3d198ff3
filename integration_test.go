package fsync_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// The tests in this file start unrelated processes that share a directory: this test
// binary in other roles, fsync-lock, flock(1) and Python.

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		"count": in(count),
		"hold":  in(hold),
		"wait":  in(wait),
		"set":   in(set),
		"slot":  slot,
	}, func() { os.RemoveAll(wrapperDir) }, func() { os.RemoveAll(shared().Dir()) })
}

// in returns a role whose first argument is the directory of a Manager.
func in(role func(m *fsync.Manager, args []string) error) testproc.Role {
	return func(args []string) error {
		m, err := fsync.Open(args[0])
		if err != nil {
			return err
		}
		return role(m, args[1:])
	}
}

// count DIR N adds 1 to the number in DIR/n, N times, each time under the lock
// "counter".
func count(m *fsync.Manager, args []string) error {
	l, err := m.NewLock("counter")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	for range n {
		if err := l.With(context.Background(), func(context.Context) error { return addOne(m.Dir()) }); err != nil {
			return err
		}
	}
	return nil
}

func addOne(dir string) error {
	file := filepath.Join(dir, "n")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strconv.Itoa(n+1)), 0o666)
}

// hold DIR holds the lock "held" until the test sends a line.
func hold(m *fsync.Manager, _ []string) error {
	l, err := m.NewLock("held")
	if err != nil {
		return err
	}
	if err := l.Acquire(context.Background()); err != nil {
		return err
	}
	fmt.Println("held")
	if _, err := testproc.Hear(); err != nil {
		return nil // the test has ended
	}
	if err := l.Release(); err != nil {
		return err
	}
	fmt.Println("released")
	_, err = testproc.Hear()
	return err
}

// wait DIR waits once for the event "go".
func wait(m *fsync.Manager, _ []string) error {
	e, err := m.NewEvent("go")
	if err != nil {
		return err
	}
	ok, err := e.WaitFor(testproc.Patience)
	if err != nil {
		return err
	}
	fmt.Println("woken", ok)
	return nil
}

// set DIR sets, clears or pulses the event "go", as the lines from the test say.
func set(m *fsync.Manager, _ []string) error {
	e, err := m.NewEvent("go")
	if err != nil {
		return err
	}
	for {
		line, err := testproc.Hear()
		if err != nil {
			return nil // the test has ended
		}
		if line == "set" || line == "pulse" {
			err = e.Set()
		}
		if err == nil && (line == "clear" || line == "pulse") {
			err = e.Clear()
		}
		if err != nil {
			return err
		}
		fmt.Println(line)
	}
}

// slot DIR acquires one of the three slots of the semaphore DIR, and one more for each
// line from the test.
func slot(args []string) error {
	s := filelock.NewSemaphore(args[0], 3)
	for {
		if err := s.Acquire(context.Background()); err != nil {
			return err
		}
		fmt.Println("acquired")
		if _, err := testproc.Hear(); err != nil {
			return nil // the test has ended
		}
	}
}

// wrapper builds fsync-lock in wrapperDir and returns its path.
var wrapper = sync.OnceValues(func() (program string, err error) {
	if wrapperDir, err = os.MkdirTemp("", "fsync-lock-test"); err != nil {
		return "", err
	}
	program = filepath.Join(wrapperDir, "fsync-lock")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", program, "./cmd/fsync-lock").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w: %s", err, out)
	}
	return program, err
})

var wrapperDir string

func fsyncLock(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	program, err := wrapper()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(program, args...)
}

// need returns the path of a program. It skips the test if the program is missing.
func need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}

func open(t testing.TB, dir string) *fsync.Manager {
	t.Helper()
	m, err := fsync.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func lock(t testing.TB, dir, name string, opts ...filelock.Option) *filelock.Lock {
	t.Helper()
	l, err := open(t, dir).NewLock(name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func event(t testing.TB, dir, name string) *fileevent.Event {
	t.Helper()
	e, err := open(t, dir).NewEvent(name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustTry(t testing.TB, l *filelock.Lock, want bool) {
	t.Helper()
	if got, err := l.TryAcquire(); err != nil || got != want {
		t.Fatalf("TryAcquire of %s = %v, %v; want %v", l.Path(), got, err, want)
	}
}

// Go programs, fsync-lock, flock(1) and Python add to one number. No addition is lost.
func TestNoUpdateIsLost(t *testing.T) {
	t.Parallel()
	const each = 50
	dir := t.TempDir()
	counter := filepath.Join(dir, "n")
	if err := os.WriteFile(counter, []byte("0"), 0o666); err != nil {
		t.Fatal(err)
	}
	lockFile := lock(t, dir, "counter").Path()
	var all []*testproc.Proc
	for range 4 {
		all = append(all, testproc.Start(t, "count", dir, strconv.Itoa(each)))
	}
	if sh, err := exec.LookPath("sh"); err == nil {
		fsyncLock(t) // built before the loop below needs it
		program, _ := wrapper()
		lockers := []string{program}
		if flock, err := exec.LookPath("flock"); err == nil {
			lockers = append(lockers, flock)
		}
		for _, locker := range lockers {
			script := `for i in $(seq "$1"); do "$0" "$2" sh -c 'n=$(cat "$0"); printf %d $((n+1)) >"$0"' "$3" || exit 1; done`
			all = append(all, testproc.StartCmd(t, exec.Command(sh, "-c", script, locker, strconv.Itoa(each), lockFile, counter)))
		}
	}
	if python, err := exec.LookPath("python3"); err == nil {
		script := `
import fcntl, sys
for i in range(int(sys.argv[1])):
    with open(sys.argv[2]) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        n = int(open(sys.argv[3]).read())
        with open(sys.argv[3], "w") as f: f.write(str(n + 1))
`
		if err := os.WriteFile(lockFile, nil, 0o666); err != nil { // Python does not create it
			t.Fatal(err)
		}
		all = append(all, testproc.StartCmd(t, exec.Command(python, "-c", script, strconv.Itoa(each), lockFile, counter)))
	}
	for _, p := range all {
		p.Wait()
	}
	text, err := os.ReadFile(counter)
	if want := strconv.Itoa(each * len(all)); err != nil || string(text) != want {
		t.Fatalf("%d processes counted to %s, want %s (%v)", len(all), text, want, err)
	}
}

// After kill -9 of the holder, a waiter gets the lock, and a try succeeds.
func TestKilledHolderFreesTheLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := lock(t, dir, "held")
	holder := testproc.Start(t, "hold", dir)
	holder.Expect("held")
	mustTry(t, l, false)
	waiter := testproc.Start(t, "hold", dir)
	testproc.AwaitWaiters(t, l.Path(), 1)
	start := time.Now()
	holder.Kill()
	waiter.Expect("held")
	if took := time.Since(start); took > testproc.Patience/4 {
		t.Errorf("the waiter had the lock %v after the kill", took)
	}
	waiter.Kill()
	mustTry(t, l, true)
}

func TestTimeoutIsNeitherEarlyNorLate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := testproc.Start(t, "hold", dir)
	holder.Expect("held")
	l := lock(t, dir, "held")
	const d = 250 * time.Millisecond
	for what, wait := range map[string]func() bool{
		"library": func() bool {
			ok, err := l.TryAcquireFor(d)
			return !ok && err == nil
		},
		"fsync-lock": func() bool {
			err := fsyncLock(t, "-w", "0.25", l.Path(), "echo", "never").Run()
			var exit *exec.ExitError
			return errors.As(err, &exit) && exit.ExitCode() == 1
		},
		"event": func() bool {
			ok, err := event(t, dir, "go").WaitFor(d)
			return !ok && err == nil
		},
	} {
		fsyncLock(t) // built before the time is taken
		start := time.Now()
		if !wait() {
			t.Errorf("%s: the wait did not time out", what)
		}
		if took := time.Since(start); took < d || took > d+testproc.Patience/4 {
			t.Errorf("%s: waited %v for %v", what, took, d)
		}
	}
}

func TestEventWakesUnrelatedProcesses(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"set", "pulse", "touch"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			e := event(t, dir, "go")
			var waiters []*testproc.Proc
			for range 5 {
				waiters = append(waiters, testproc.Start(t, "wait", dir))
			}
			for _, w := range waiters {
				testproc.AwaitWatch(t, w.PID(), dir)
				w.Silent()
			}
			if how == "touch" {
				if out, err := exec.Command(need(t, "touch"), e.Path()).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			} else {
				setter := testproc.Start(t, "set", dir)
				setter.Send(how)
				setter.Expect(how)
			}
			for _, w := range waiters {
				w.Expect("woken true")
			}
			if set, err := e.IsSet(); err != nil || set != (how != "pulse") {
				t.Errorf("IsSet = %v, %v", set, err)
			}
		})
	}
}

// A killed waiter disturbs neither Set nor other waiters. With Python's
// multiprocessing.Event, Set would hang.
func TestKilledWaiter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	killed, other := testproc.Start(t, "wait", dir), testproc.Start(t, "wait", dir)
	testproc.AwaitWatch(t, killed.PID(), dir)
	testproc.AwaitWatch(t, other.PID(), dir)
	killed.Kill()
	setter := testproc.Start(t, "set", dir)
	setter.Send("set")
	setter.Expect("set")
	other.Expect("woken true")
	setter.Send("clear")
	setter.Expect("clear")
}

// Locks of fsync and of other programs on one file exclude each other.
func TestExclusionWithOthers(t *testing.T) {
	t.Parallel()
	const python = `
import fcntl, sys
f = open(sys.argv[1])
try:
    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(1)
print("held", flush=True)
sys.stdin.readline()
`
	for name, command := range map[string]func(t *testing.T, path string) *exec.Cmd{
		"flock": func(t *testing.T, path string) *exec.Cmd {
			return exec.Command(need(t, "flock"), "-n", path, "sh", "-c", "echo held; read line")
		},
		"flock on a descriptor": func(t *testing.T, path string) *exec.Cmd {
			need(t, "flock")
			return exec.Command("sh", "-c", `exec 9>"$0"; flock -n 9 || exit 1; echo held; read line`, path)
		},
		"Python": func(t *testing.T, path string) *exec.Cmd {
			return exec.Command(need(t, "python3"), "-c", python, path)
		},
		"fsync-lock": func(t *testing.T, path string) *exec.Cmd {
			return fsyncLock(t, "-n", path, "sh", "-c", "echo held; read line")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lock(t, t.TempDir(), "a")
			mustTry(t, l, true)
			if status := testproc.StartCmd(t, command(t, l.Path())).Exit(); status != 1 {
				t.Errorf("exit status %d while the Lock is held, want 1", status)
			}
			if err := l.Release(); err != nil {
				t.Fatal(err)
			}
			them := testproc.StartCmd(t, command(t, l.Path()))
			them.Expect("held")
			mustTry(t, l, false)
			acquired := make(chan error)
			go func() { acquired <- l.Acquire(context.Background()) }()
			testproc.AwaitWaiters(t, l.Path(), 1)
			them.Send("release")
			if err := <-acquired; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Without a terminal, the commands of the demonstration in the README print what it
// shows.
func TestDemonstration(t *testing.T) {
	t.Parallel()
	bash := need(t, "bash")
	fsyncLock(t)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```console\n")
	block, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatal("no demonstration in the README")
	}
	cmd := exec.Command(bash, "--norc", "-m") // -m: with job control, as on a terminal
	cmd.Env = append(os.Environ(), "PATH="+wrapperDir+string(os.PathListSeparator)+os.Getenv("PATH"))
	p := testproc.StartCmd(t, cmd)
	for line := range strings.Lines(strings.ReplaceAll(block, "/tmp/", t.TempDir()+"/")) {
		line = strings.TrimSuffix(line, "\n")
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			p.Send(command)
		} else {
			p.Expect(line)
		}
	}
	p.Send("exit 0")
	p.Wait()
}

// A name means the same lock to fsync-lock and to the Manager.
func TestWrapperAndManagerShareNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := lock(t, dir, "backup")
	p := testproc.StartCmd(t, fsyncLock(t, "--name", "backup", "--dir", dir, "sh", "-c", "echo held; read line"))
	p.Expect("held")
	mustTry(t, l, false)
	p.Send("release")
	p.Wait()
	mustTry(t, l, true)
}
