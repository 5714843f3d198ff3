// Package examples_test builds the examples and runs them as unrelated processes that
// share a path.
package examples_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

var programs = []string{"hello", "event-worker", "event-setter", "manager", "reload", "queue", "build-once", "handover"}

var bin string // the directory of the programs and of fsync-lock

func TestMain(m *testing.M) {
	var err error
	if bin, err = os.MkdirTemp("", "fsync-examples-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(bin)
	os.Exit(status)
}

var build = sync.OnceValues(func() ([]byte, error) {
	args := []string{"build", "-buildvcs=false", "-o", bin, "../cmd/fsync-lock"}
	for _, name := range programs {
		args = append(args, "./"+name)
	}
	return exec.Command("go", args...).CombinedOutput()
})

// needPrograms builds all programs, once for all tests.
func needPrograms(t *testing.T) {
	t.Helper()
	if os.Getenv("TESTEXEC") != "" {
		t.Skip("$TESTEXEC cannot run the examples")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("the examples cannot be built: %v", err)
	}
	if out, err := build(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

// example returns the command that runs an example.
func example(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	needPrograms(t)
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return exec.Command(filepath.Join(bin, name), args...)
}

// output runs a command to its end and returns what it printed, on stdout and
// on stderr, and its exit status.
func output(t *testing.T, cmd *exec.Cmd) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testproc.Patience)
	defer cancel()
	bounded := exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	bounded.Env, bounded.Dir = cmd.Env, cmd.Dir
	bounded.WaitDelay = time.Second // a process that the command started may still have its stdout
	out, err := bounded.CombinedOutput()
	if ctx.Err() != nil || (err != nil && !errors.As(err, new(*exec.ExitError))) {
		t.Fatalf("%s: %v, %v\n%s", cmd, err, ctx.Err(), out)
	}
	return string(out), bounded.ProcessState.ExitCode()
}

// tenLines fails the test unless the lines are those of hello, in any order.
func tenLines(t *testing.T, lines []string) {
	t.Helper()
	var want []string
	for n := range 10 {
		want = append(want, fmt.Sprintf("hello world %d", n))
	}
	slices.Sort(lines)
	if !slices.Equal(lines, want) {
		t.Errorf("said %q, want %q in any order", lines, want)
	}
}

func TestHello(t *testing.T) {
	t.Parallel()
	for _, option := range []string{"-with=false", "-with"} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			out, status := output(t, example(t, "hello", option, "-lock", filepath.Join(t.TempDir(), "lock")))
			if status != 0 || !strings.HasSuffix(out, "\n") {
				t.Fatalf("exit status %d, said %q", status, out)
			}
			tenLines(t, strings.Split(strings.TrimSuffix(out, "\n"), "\n"))
		})
	}
}

// While another process holds the lock, all ten processes wait and print nothing.
func TestHelloWaits(t *testing.T) {
	t.Parallel()
	holders := map[string]func(*testing.T, string) (release func()){
		"filelock": holdByPackage,
		"flock":    holdByFlock,
	}
	for _, option := range []string{"-with=false", "-with"} {
		for holder, hold := range holders {
			t.Run(option+" "+holder, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "lock")
				release := hold(t, path)
				p := testproc.StartCmd(t, example(t, "hello", option, "-lock", path))
				awaitBlocked(t, filepath.Dir(path), 10)
				p.Silent()
				release()
				var lines []string
				for range 10 {
					lines = append(lines, p.Line())
				}
				tenLines(t, lines)
				p.Wait()
			})
		}
	}
}

func holdByPackage(t *testing.T, path string) (release func()) {
	return hold(t, filelock.New(path))
}

func hold(t *testing.T, lock *filelock.Lock) (release func()) {
	t.Helper()
	if ok, err := lock.TryAcquire(); !ok || err != nil {
		t.Fatalf("TryAcquire() = %t, %v", ok, err)
	}
	t.Cleanup(func() { lock.Release() })
	return func() {
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	}
}

func holdByFlock(t *testing.T, path string) (release func()) {
	t.Helper()
	testproc.Need(t, "flock", "sh")
	p := testproc.StartCmd(t, exec.Command("flock", path, "sh", "-c", "echo held; read -r _"))
	p.Expect("held")
	return func() {
		p.Send("release")
		p.Wait()
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	marker := filepath.Join(t.TempDir(), "marker")
	workerThenSetter(t, marker)

	// A worker that starts after the setter does not wait.
	out, status := output(t, example(t, "event-worker", marker))
	want := "Worker is waiting for the event... set=true\nWorker is proceeding! set=true\n"
	if status != 0 || out != want {
		t.Errorf("a late worker: exit status %d, said %q, want %q", status, out, want)
	}

	// Removing the marker clears the event.
	if err := os.Remove(marker); err != nil {
		t.Fatal(err)
	}
	workerThenSetter(t, marker)
}

func workerThenSetter(t *testing.T, marker string) {
	t.Helper()
	worker := testproc.StartCmd(t, example(t, "event-worker", marker))
	worker.Expect("Worker is waiting for the event... set=false")
	setter := testproc.StartCmd(t, example(t, "event-setter", marker))
	setter.Expect("Setting the event!")
	setter.Wait()
	worker.Expect("Worker is proceeding! set=true")
	worker.Wait()
}

func TestManager(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "by", "example")
	worker := testproc.StartCmd(t, example(t, "manager", "-dir", dir, "worker"))
	worker.Expect("Worker is waiting for the event... set=false")
	setter := testproc.StartCmd(t, example(t, "manager", "-dir", dir, "set"))
	setter.Expect("Setting the event! set=false")
	setter.Wait()
	worker.Expect("Worker is proceeding! set=true")
	worker.Wait()

	out, status := output(t, example(t, "manager", "-dir", dir, "worker"))
	want := "Worker is waiting for the event... set=true\nWorker is proceeding! set=true\n"
	if status != 0 || out != want {
		t.Errorf("a late worker: exit status %d, said %q, want %q", status, out, want)
	}

	out, status = output(t, example(t, "manager", "-dir", dir))
	if status == 0 || !strings.Contains(out, "usage: manager") {
		t.Errorf("without a command: exit status %d, said %q", status, out)
	}
}

// The processes of the example manager print only while they hold the lock.
func TestManagerLock(t *testing.T) {
	t.Parallel()
	m, err := fsync.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	lock, err := m.NewLock("output")
	if err != nil {
		t.Fatal(err)
	}
	release := hold(t, lock)
	setter := testproc.StartCmd(t, example(t, "manager", "-dir", m.Dir(), "set"))
	awaitBlocked(t, m.Dir(), 1)
	setter.Silent()
	release()
	setter.Expect("Setting the event! set=false")
	setter.Wait()
}

// Every example is in README.md, and every example that README.md names exists.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); entry.IsDir() && !strings.Contains(string(text), "]("+name+"/") {
			t.Errorf("README.md does not link to %s", name)
		}
	}
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \n`;", r) }) {
		if name, ok := strings.CutPrefix(word, "./examples/"); ok {
			if _, err := os.Stat(name); err != nil {
				t.Errorf("README.md: %v", err)
			}
		}
	}
}
