package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/runlog"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/fsync-lock/fsync/journal"
)

// in starts fsync-lock --journal j in a directory.
func in(t *testing.T, dir string, args ...string) *testproc.Proc {
	t.Helper()
	cmd := exec.Command("fsync-lock", append([]string{"--journal", "j"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	return testproc.StartCmd(t, cmd)
}

// hold takes a lock for this process.
func hold(t *testing.T, path string) *filelock.Lock {
	t.Helper()
	lock := filelock.New(path)
	if ok, err := lock.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	return lock
}

func release(t *testing.T, lock *filelock.Lock) {
	t.Helper()
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

// readRuns returns the runs of a journal, which must contain nothing else.
func readRuns(t *testing.T, path string) []journal.Run {
	t.Helper()
	runs, unread, err := journal.ReadFile(path)
	if err != nil || unread.Total() > 0 {
		t.Fatalf("%v unread, %v", unread, err)
	}
	return runs
}

// onlyRun returns the one run of a journal.
func onlyRun(t *testing.T, path string) journal.Run {
	t.Helper()
	runs := readRuns(t, path)
	if len(runs) != 1 {
		t.Fatalf("%d runs: %+v", len(runs), runs)
	}
	return runs[0]
}

// gaveUp is the message of a process that could not lock the journal within five
// seconds, as may happen on a busy machine.
const gaveUp = "fsync-lock: cannot write the journal: append j: lock is held\n"

// Many processes write at once: each writes one whole line, or prints that it could
// not.
func TestManyJournal(t *testing.T) {
	n := 200 // too much load beside tests whose processes wait at most five seconds
	if !testproc.Long() {
		n = 40
		t.Parallel()
	}
	dir := t.TempDir()
	all := make([]*testproc.Proc, n)
	lock := hold(t, filepath.Join(dir, "0.lock"))
	for i := range all {
		all[i] = in(t, dir, fmt.Sprintf("%d.lock", i%4), "sh", "-c", fmt.Sprintf("exit %d", i))
	}
	release(t, lock)
	without := map[int]bool{}
	for i, p := range all {
		status := p.Exit()
		if without[i] = p.Stderr() == gaveUp; status != i || !without[i] && p.Stderr() != "" {
			t.Errorf("exit status %d of %d, said %q", status, i, p.Stderr())
		}
	}
	seen := map[int]bool{}
	for _, r := range readRuns(t, filepath.Join(dir, "j")) {
		if r.Outcome == journal.Running {
			continue // it took long, and then could not write its last line
		}
		if seen[r.Status] || r.Outcome != journal.Ran || filepath.Base(r.Lock) != fmt.Sprintf("%d.lock", r.Status%4) {
			t.Errorf("twice, or wrong: %+v", r)
		}
		seen[r.Status] = true
	}
	for i := range all {
		if seen[i] == without[i] {
			t.Errorf("run %d: in the journal %v, said that it is not %v", i, seen[i], without[i])
		}
	}
	if len(seen) == 0 {
		t.Error("no process wrote its line")
	}
}

// A full journal is renamed while many processes write. Neither of the two files becomes
// too large, and no line is torn or written twice.
func TestManyRotate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const n, size = 60, 4 << 10
	var all []*testproc.Proc
	for i := range n {
		all = append(all, in(t, dir, "--journal-max-size", "4K", fmt.Sprintf("%d.lock", i), "sh", "-c", fmt.Sprintf("exit %d", i)))
	}
	for _, p := range all {
		if p.Exit(); p.Stderr() != "" && p.Stderr() != gaveUp {
			t.Error(p.Stderr())
		}
	}
	path := filepath.Join(dir, "j")
	seen := map[int]bool{}
	runs := readRuns(t, path)
	for _, r := range runs {
		seen[r.Status] = true
	}
	if len(seen) != len(runs) || len(runs) >= n {
		t.Errorf("%d runs, %d different ones, of %d", len(runs), len(seen), n)
	}
	for _, file := range []string{path, path + ".1"} {
		info, err := os.Stat(file)
		if err != nil || info.Size() > size {
			t.Errorf("%v, %v", info, err)
		}
	}
}

// While fsync-lock waits for the journal after its command has ended, the lock is free,
// and a signal has no effect.
func TestJournalKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]string{
		"plain": nil, "waited": nil, "close": {"-o"}, "slots": {"--slots", "1"}, "limit": {"--max-runtime", "1h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "j")
			busy := hold(t, path)
			var before *testproc.Proc
			if name == "waited" { // p waits for the lock, so it passes the gate
				before = in(t, t.TempDir(), filepath.Join(dir, "a"), "sh", "-c", "echo here; read x")
				before.Expect("here")
			}
			p := in(t, dir, append(options, "a", "sh", "-c", "exit 3")...)
			if before != nil {
				testproc.AwaitWaiters(t, filepath.Join(dir, "a"), 1)
				before.Send("end")
			}
			testproc.AwaitWaiters(t, path, 1)
			ours := exec.Command("fsync-lock", append(append(options, "-n"), "a", "true")...)
			ours.Dir = dir
			if out, err := ours.CombinedOutput(); err != nil {
				t.Errorf("the lock is not free: %v: %s", err, out)
			}
			p.Signal(syscall.SIGTERM)
			release(t, busy)
			if status := p.Exit(); status != 3 || p.Stderr() != "" {
				t.Errorf("exit status %d, said %q", status, p.Stderr())
			}
			if run := onlyRun(t, path); run.Outcome != journal.Ran || run.Status != 3 {
				t.Errorf("%+v", run)
			}
		})
	}
}

// A background process of the command keeps the lock.
func TestJournalLeavesTheLockToHeirs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close() // which ends the background process
	cmd := exec.Command("fsync-lock", "--journal", "j", "a.lock", "sh", "-c", "(echo here; read x <&3) 2>&- & exit 3")
	cmd.Dir, cmd.ExtraFiles = dir, []*os.File{r}
	p := testproc.StartCmd(t, cmd)
	p.Expect("here")
	if status := p.Exit(); status != 3 {
		t.Errorf("exit status %d", status)
	}
	if run := onlyRun(t, filepath.Join(dir, "j")); run.Status != 3 {
		t.Errorf("%+v", run)
	}
	if ok, err := filelock.New(filepath.Join(dir, "a.lock")).TryAcquire(); ok || err != nil {
		t.Errorf("TryAcquire() = %t, %v while the background process has the lock", ok, err)
	}
}

// A run has one line even if a signal comes at its end.
func TestJournalledOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		args    []string
		outcome journal.Outcome
		status  int
	}{
		{"skipped", []string{"-n", "a.lock", "touch", "never"}, journal.Skipped, 1},
		{"timed-out", []string{"-w", ".01", "a.lock", "touch", "never"}, journal.TimedOut, 1},
		{"failed-to-lock", []string{"missing/a.lock", "touch", "never"}, journal.FailedToLock, 66},
		{"failed-to-start", []string{"b.lock", "./never"}, journal.FailedToStart, 69},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "j")
			hold(t, filepath.Join(dir, "a.lock"))
			busy := hold(t, path)
			p := in(t, dir, c.args...)
			testproc.AwaitWaiters(t, path, 1)
			p.Signal(syscall.SIGTERM)
			p.Signal(syscall.SIGHUP)
			handled(t, p.PID())
			release(t, busy)
			if status := p.Exit(); status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
			if run := onlyRun(t, path); run.Outcome != c.outcome || run.Status != c.status {
				t.Errorf("%+v", run)
			}
			if _, err := os.Lstat(filepath.Join(dir, "never")); err == nil {
				t.Error("the command has run")
			}
		})
	}
}

// A signal has ended the wait. If the lock becomes free while the line is being written,
// the command does not run.
func TestInterruptedIsFinal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, a := filepath.Join(dir, "j"), filepath.Join(dir, "a.lock")
	lock, busy := hold(t, a), hold(t, path)
	p := in(t, dir, "a.lock", "touch", "never")
	testproc.AwaitWaiters(t, a, 1)
	p.Signal(syscall.SIGTERM)
	testproc.AwaitWaiters(t, path, 1)
	release(t, lock)
	testproc.AwaitWaiters(t, a, 0)
	release(t, busy)
	if status := p.Exit(); status != -1 {
		t.Errorf("exit status %d, want that TERM ended it", status)
	}
	if run := onlyRun(t, path); run.Outcome != journal.Interrupted || run.Signal != "TERM" {
		t.Errorf("%+v", run)
	}
	if _, err := os.Lstat(filepath.Join(dir, "never")); err == nil {
		t.Error("the command has run")
	}
}

// A signal has ended the wait. If the time of -w is up while the line is being written,
// there is no second line.
func TestInterruptedIsFinalAtTheDeadline(t *testing.T) {
	t.Parallel()
	for wait := 1; !interruptedBefore(t, wait); wait *= 2 { // on a busy machine the time may be up first
	}
}

// interruptedBefore runs the test with a wait of this many seconds. It reports whether the
// signal came in time.
func interruptedBefore(t *testing.T, wait int) bool {
	t.Helper()
	dir := t.TempDir()
	path, a := filepath.Join(dir, "j"), filepath.Join(dir, "a.lock")
	hold(t, a)
	busy := hold(t, path)
	end := time.Now().Add(time.Duration(wait) * time.Second)
	p := in(t, dir, "-w", strconv.Itoa(wait), "a.lock", "touch", "never")
	testproc.Until(t, "it waits, or its time is over", func() bool {
		return testproc.Waiters(t, a) == 1 || testproc.Waiters(t, path) == 1
	})
	p.Signal(syscall.SIGTERM)
	testproc.AwaitWaiters(t, path, 1)
	inTime := time.Now().Before(end)
	testproc.Until(t, "it does not wait any more", func() bool {
		_, err := os.Lstat(filepath.Join(dir, ".a.lock.gate"))
		return errors.Is(err, fs.ErrNotExist)
	})
	handled(t, p.PID())
	release(t, busy)
	p.Exit()
	if run := onlyRun(t, path); inTime && run.Outcome != journal.Interrupted {
		t.Errorf("%+v", run)
	}
	return inTime
}

// A signal that comes while fsync-lock -F writes its line ends it after the line, and gets
// no line of its own.
func TestStartedIsJournalledOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "j")
	busy := hold(t, path)
	p := in(t, dir, "-F", "a.lock", "sleep", "1000")
	testproc.AwaitWaiters(t, path, 1)
	p.Signal(syscall.SIGTERM)
	handled(t, p.PID())
	release(t, busy)
	testproc.Until(t, "the line is written", func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 0
	})
	if status := p.Exit(); status != -1 {
		t.Errorf("exit status %d, want that TERM ended it", status)
	}
	if run := onlyRun(t, path); run.Outcome != journal.Started {
		t.Errorf("%+v", run)
	}
}

// A long run is in the journal while it lasts. When it has ended, it still counts as one
// run. If fsync-lock is killed, the run stays in the journal as running.
func TestRunningIsJournalled(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		sig  syscall.Signal
		want journal.Outcome
	}{"ended": {syscall.SIGTERM, journal.Signalled}, "killed": {syscall.SIGKILL, journal.Running}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "j")
			p := in(t, dir, "-o", "a.lock", "sleep", "1000")
			testproc.Until(t, "the run is in the journal", func() bool {
				info, err := os.Stat(path)
				return err == nil && info.Size() > 0
			})
			run := onlyRun(t, path)
			if run.Outcome != journal.Running || run.PID != p.PID() || run.Held < runlog.LongRun || run.Lock != filepath.Join(dir, "a.lock") {
				t.Errorf("%+v", run)
			}
			p.Signal(end.sig)
			p.Exit()
			if got := onlyRun(t, path); got.Outcome != end.want || !got.Start.Equal(run.Start) || got.Held < run.Held {
				t.Errorf("%+v", got)
			}
		})
	}
}

// On a full disk the line is lost, and a message says so.
func TestJournalOnAFullDisk(t *testing.T) {
	t.Parallel()
	full := testproc.Tmpfs(t, "size=64k,mode=777")
	if err := os.WriteFile(filepath.Join(full, "rest"), make([]byte, 65<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	cmd := exec.Command("fsync-lock", "--journal", filepath.Join(full, "j"), "a.lock", "sh", "-c", "exit 3")
	cmd.Dir = t.TempDir()
	p := testproc.StartCmd(t, cmd)
	if status := p.Exit(); status != 3 {
		t.Errorf("exit status %d", status)
	}
	if said := p.Stderr(); strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "fsync-lock: cannot write the journal: ") || !strings.Contains(said, "no space left") {
		t.Errorf("said %q", said)
	}
}
