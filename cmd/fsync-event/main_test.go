package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/cmdtest"
	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testproc.AtOnce(8)
	testproc.TellHangs()
	testscript.Main(m, map[string]func(){"fsync-event": main})
}

// Words of the scripts: await watchers N DIR waits until N processes watch the directory,
// because they wait for an event in it, and await lines FILE N until the file has N lines.
func TestScripts(t *testing.T) {
	cmdtest.Scripts{
		Words: map[string]cmdtest.Word{"journalled": cmdtest.Journalled},
		Await: map[string]func(*testscript.TestScript, []string) bool{
			"watchers": func(ts *testscript.TestScript, args []string) bool {
				return strconv.Itoa(len(watchers(ts.MkAbs(args[1])))) == args[0]
			},
			"lines": func(ts *testscript.TestScript, args []string) bool {
				text, _ := os.ReadFile(ts.MkAbs(args[0]))
				return strconv.Itoa(strings.Count(string(text), "\n")) == args[1]
			},
		},
	}.Run(t)
}

// event returns fsync-event with these arguments, to be run in a directory.
func event(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("fsync-event", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// mustRun runs fsync-event and returns its output.
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

// Twenty processes wait to take an event. Each set wakes only one of them.
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

// Several events are all taken, or none.
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

func TestHelp(t *testing.T) {
	t.Parallel()
	cmdtest.FitsAScreen(t, fmt.Sprintf(usage, "fsync-event"))
}
