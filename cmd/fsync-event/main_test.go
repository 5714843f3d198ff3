package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fsync-event": main})
}

func TestScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts are written for a POSIX shell")
	}
	// What this process catches, its children have as it is by default, even
	// if the tests were started with signals ignored.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGHUP, syscall.SIGQUIT)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"FSYNC_DIR", "XDG_RUNTIME_DIR"} {
				env.Setenv(name, "")
			}
			// The race detector would have every process linger for a second.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status,
			"await":  await,
			"within": within,
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			return false, errors.New("unknown condition " + cond)
		},
	})
}

// status N COMMAND...: the exit status of the command is N.
func status(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

// await FILE...: waits until the files exist. await watchers N DIR: until N
// processes watch the directory, for which they have begun to wait.
func await(ts *testscript.TestScript, neg bool, args []string) {
	what := func() bool {
		for _, file := range args {
			if _, err := os.Lstat(ts.MkAbs(file)); err != nil {
				return false
			}
		}
		return true
	}
	if args[0] == "watchers" {
		what = func() bool { return strconv.Itoa(len(watchers(ts.MkAbs(args[2])))) == args[1] }
	}
	for end := time.Now().Add(testproc.Patience); !what(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("still not so: %s", strings.Join(args, " "))
		}
	}
}

// within MIN MAX N COMMAND...: the command exits with N after at least MIN and,
// on a busy machine, at most MAX.
func within(ts *testscript.TestScript, neg bool, args []string) {
	least, err := time.ParseDuration(args[0])
	ts.Check(err)
	most, err := time.ParseDuration(args[1])
	ts.Check(err)
	start := time.Now()
	status(ts, neg, args[2:])
	if took := time.Since(start); took < least || took > most {
		ts.Fatalf("took %v, want %v to %v", took, least, most)
	}
}

// event is the command, run in a directory.
func event(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("fsync-event", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// mustRun runs the command and returns what it says.
func mustRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := event(dir, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
	return string(out)
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

// Twenty processes wait to take an event. Each time that it is set one of them
// is woken, and no other.
func TestTakeByTwenty(t *testing.T) {
	t.Parallel()
	const n = 20
	dir := t.TempDir()
	var waiters []*testproc.Proc
	for range n {
		waiters = append(waiters, testproc.StartCmd(t, event(dir, "wait", "--take", "a")))
	}
	exited := func() (n int) {
		for _, p := range waiters {
			if p.Exited() {
				n++
			}
		}
		return n
	}
	for i := range n {
		mustRun(t, dir, "set", "a")
		testproc.Until(t, fmt.Sprint(i+1, " have taken it"), func() bool { return exited() > i })
		if got := exited(); got != i+1 {
			t.Fatalf("%d have taken it, which was set %d times", got, i+1)
		}
		if exists(dir, "a") {
			t.Fatal("it was not taken")
		}
	}
	for _, p := range waiters {
		p.Wait()
		p.Expect("a")
	}
}

// Events that are taken together are taken all or not at all.
func TestTakeAllOrNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustRun(t, dir, "set", "a")
	for _, timeout := range []string{"0", "1e-9", ".05"} {
		if out, err := event(dir, "wait", "--take", "-w", timeout, "a", "b").Output(); err == nil || len(out) > 0 {
			t.Errorf("-w %s: it took both of one: %s", timeout, out)
		}
		if !exists(dir, "a") {
			t.Errorf("-w %s: it took one", timeout)
		}
	}
	for _, timeout := range []string{"0", "1e-9", ".05"} {
		mustRun(t, dir, "set", "a", "b")
		if out := mustRun(t, dir, "wait", "--take", "-w", timeout, "b", "a"); out != "b\na\n" {
			t.Errorf("-w %s: it says %q", timeout, out)
		}
		if exists(dir, "a") || exists(dir, "b") {
			t.Errorf("-w %s: it left one", timeout)
		}
	}
}

// The help fits a terminal of 24 lines and 80 columns.
func TestHelp(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSuffix(fmt.Sprintf(usage, "fsync-event"), "\n"), "\n")
	if len(lines) > 24 {
		t.Errorf("the help has %d lines", len(lines))
	}
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestOpenStatus(t *testing.T) {
	t.Parallel()
	pathError := func(err error) error { return &os.PathError{Op: "open", Path: "p", Err: err} }
	for err, want := range map[error]int{
		pathError(syscall.ENOENT): 66,
		pathError(syscall.EACCES): 66,
		pathError(syscall.EROFS):  73,
		pathError(syscall.ENOSPC): 73,
		pathError(syscall.EDQUOT): 73,
		pathError(syscall.EMFILE): 71,
		userdir.ErrNone:           64,
	} {
		if got := openStatus(err); got != want {
			t.Errorf("openStatus(%v) = %d, want %d", err, got, want)
		}
	}
}
