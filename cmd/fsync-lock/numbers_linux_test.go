package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// On a read-only file system, the exit status for a missing file is 73, as with
// flock(1). A file that exists can be locked.
func TestReadOnlyFileSystem(t *testing.T) {
	t.Parallel()
	dir := testproc.Tmpfs(t, "")
	touch(t, filepath.Join(dir, "there"))
	testproc.ReadOnly(t, dir)
	for _, flock := range []string{"fsync-lock", realFlock} {
		if flock == "" {
			continue
		}
		for file, want := range map[string]int{"missing": 73, "there": 0, ".": 0} {
			cmd := exec.Command(flock, "-n", dir+"/"+file, "true")
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != want || (got != 0) != (len(out) > 0) {
				t.Errorf("%s on %s: exit status %d, said %q, want %d", flock, file, got, out, want)
			}
		}
	}
}

// If many processes start at once with -n, exactly one runs its command.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all []*testproc.Proc
	for range 100 {
		cmd := exec.Command("fsync-lock", "-n", "a.lock", "sh", "-c", "echo I run; read x")
		cmd.Dir = dir
		all = append(all, testproc.StartCmd(t, cmd))
	}
	var running *testproc.Proc
	testproc.Until(t, "all but one have ended", func() bool {
		left := 0
		for _, p := range all {
			if !p.Exited() {
				left, running = left+1, p
			}
		}
		return left <= 1
	})
	if running == nil {
		t.Fatal("none runs")
	}
	running.Expect("I run")
	for _, p := range all {
		if p == running {
			continue
		}
		if status := p.Exit(); status != 1 || p.Stderr() != "" {
			t.Errorf("exit status %d, said %q, want 1 and silence", status, p.Stderr())
		}
	}
	running.Send("end")
	running.Wait()
}

// While it waits, and while its command runs, fsync-lock uses at most 8 MB.
func TestMemory(t *testing.T) {
	t.Parallel()
	if info, ok := debug.ReadBuildInfo(); ok && strings.Contains(fmt.Sprint(info.Settings), "{-race true}") {
		t.Skip("the race detector uses more")
	}
	dir := t.TempDir()
	start := func(args ...string) *testproc.Proc {
		cmd := exec.Command("fsync-lock", args...)
		cmd.Dir = dir
		return testproc.StartCmd(t, cmd)
	}
	holder := start("a.lock", "sh", "-c", "echo ready; read x")
	holder.Expect("ready")
	waiter := start("a.lock", "true")
	testproc.AwaitWaiters(t, filepath.Join(dir, "a.lock"), 1)
	for name, p := range map[string]*testproc.Proc{"holder": holder, "waiter": waiter} {
		if kB := resident(t, p.PID()); kB == 0 || kB > 8<<10 {
			t.Errorf("the %s has %d kB", name, kB)
		}
	}
	holder.Send("end")
	waiter.Wait()
}

// resident returns how many kB of memory a process uses.
func resident(t *testing.T, pid int) (kB int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), "VmRSS:")
	fmt.Sscan(line, &kB)
	return kB
}
