package report

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/fsync-lock/fsync/journal"
)

// holdLock holds a lock in the directory until the test ends, and returns its path.
func holdLock(t *testing.T, dir string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "held.lock")
	lock := filelock.New(path)
	if ok, err := lock.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	t.Cleanup(func() { lock.Release() })
	return path
}

// A run is still running if its process exists, or, for a process that cannot be seen, if
// its lock is held. Otherwise it was killed.
func TestStillRunning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	held, free := holdLock(t, dir), filepath.Join(dir, "free.lock")
	if err := os.WriteFile(free, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	here, _ := os.Hostname()
	now := time.Now()
	for name, c := range map[string]struct {
		pid     int
		host    string
		lock    string
		started time.Time
		later   bool
		want    journal.Outcome
	}{
		"its process exists":         {1, here, free, now, false, journal.Running},
		"another process has its ID": {os.Getpid(), here, free, now.Add(-999 * time.Hour), false, journal.Started},
		"its process has ended":      {1 << 30, here, free, now.Add(-time.Hour), false, journal.Started},
		"a child holds the lock":     {1 << 30, here, held, now.Add(-time.Hour), false, journal.Running},
		"on another host":            {7, "elsewhere", held, now.Add(-time.Hour), false, journal.Running},
		"on another host, lock free": {7, "elsewhere", free, now.Add(-time.Hour), false, journal.Started},
		"a later run got the lock":   {7, "elsewhere", held, now.Add(-time.Hour), true, journal.Started},
		"the lock file is missing":   {7, "elsewhere", filepath.Join(dir, "none"), now.Add(-time.Hour), false, journal.Started},
		"the start is in the future": {7, "elsewhere", held, now.Add(time.Hour), false, journal.Started},
	} {
		t.Run(name, func(t *testing.T) {
			for _, how := range []journal.Outcome{journal.Running, journal.Started} {
				all := newCollector(Interval{})
				all.add(journal.Run{Start: c.started.Add(-3 * time.Second), Lock: c.lock, PID: c.pid, Host: c.host, Waited: time.Second, Outcome: how})
				if c.later {
					all.add(journal.Run{Start: now.Add(-time.Minute), Lock: c.lock, PID: 8, Host: c.host, Held: time.Second, Outcome: journal.Ran})
				}
				all.finish(now)
				g := all.locks[c.lock]
				i := slices.IndexFunc(g.buckets.all, func(b *bucket) bool { return b.run.PID == c.pid })
				r := g.buckets.all[i].run
				if r.Outcome != c.want || r.Outcome == journal.Running != (r.Held > 0) || (g.Running > 0) != (r.Held > 0) {
					t.Errorf("%s: %+v", how, r)
				}
				if wantHeld := now.Sub(c.started) + 2*time.Second; r.Held > 0 && (r.Held-wantHeld).Abs() > time.Millisecond {
					t.Errorf("held %v, want %v", r.Held, wantHeld)
				}
				if text := written(t, all); strings.Contains(text, " so far") != (c.want == journal.Running) {
					t.Errorf("%s: the page is wrong about it", how)
				}
			}
		})
	}
}

// If the end of two runs of a held lock is not recorded, only the later run can still be
// running.
func TestOnlyTheLastRunIsStillRunning(t *testing.T) {
	t.Parallel()
	held := holdLock(t, t.TempDir())
	c := newCollector(Interval{})
	for _, pid := range []int{7, 8} {
		c.add(journal.Run{Start: made.Add(time.Duration(pid-9) * time.Hour), Lock: held, PID: pid, Host: "elsewhere", Outcome: journal.Running})
	}
	c.finish(made)
	for _, b := range c.locks[held].buckets.all {
		if want := map[int]journal.Outcome{7: journal.Started, 8: journal.Running}[b.run.PID]; b.run.Outcome != want {
			t.Errorf("pid %d: %s, want %s", b.run.PID, b.run.Outcome, want)
		}
	}
}

// A zombie, a process that has ended and that its parent has not waited for, does not run.
func TestZombie(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	pid, now := cmd.Process.Pid, time.Now()
	if !isProcess(pid, now, now) {
		t.Error("not running")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	testproc.Until(t, "the process has ended", func() bool { return !isProcess(pid, now, time.Now()) })
}

// A run that waited for an event holds nothing. So it is still running only if its
// process exists, even if another process has locked the marker.
func TestStillRunningOfAnEvent(t *testing.T) {
	t.Parallel()
	marker := holdLock(t, t.TempDir())
	here, _ := os.Hostname()
	now := time.Now()
	for pid, want := range map[int]journal.Outcome{1: journal.Running, 1 << 30: journal.Started} {
		all := newCollector(Interval{})
		all.add(journal.Run{Kind: journal.KindEvent, Start: now.Add(-time.Second), Lock: marker, PID: pid, Host: here, Outcome: journal.Running})
		all.finish(now)
		if got := all.locks[marker].buckets.all[0].run.Outcome; got != want {
			t.Errorf("pid %d: %s, want %s", pid, got, want)
		}
	}
}

// If a run could not be killed, the page says so, and whether the run is still going.
func TestCouldNotBeKilled(t *testing.T) {
	t.Parallel()
	held := holdLock(t, t.TempDir())
	for path, want := range map[string]string{
		held:           ": reached its time limit, could not be killed and is still running\n",
		held + ".none": ": reached its time limit, and could not be killed\n",
	} {
		r := ranAt(made.Add(-time.Hour), time.Minute)
		r.Lock, r.Outcome, r.Status, r.Reason = path, journal.Running, 125, "pid 7 of root is left"
		text := written(t, collected(Interval{}, r))
		if !strings.Contains(text, path+want) || strings.Count(text, "pid 7 of root is left") != 2 {
			t.Errorf("%s: the page does not say %q", path, want)
		}
	}
}
