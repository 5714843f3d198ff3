//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"golang.org/x/sys/unix"
)

// lockRound returns a round without processes, with one lock file.
func lockRound(t *testing.T) (*round, object) {
	m, err := parseMix("small,calm,exclusive")
	must(t, err)
	r, err := newRound(newPlan(1, 1, m), m, filepath.Join(t.TempDir(), "1"))
	must(t, err)
	o := r.plan.objects[0]
	must(t, os.WriteFile(r.path(o), nil, 0o666))
	return r, o
}

// While a lock file is hidden, it cannot be locked; afterwards it is there again, as it was.
func TestHide(t *testing.T) {
	t.Parallel()
	r, o := lockRound(t)
	before, err := identify(r.path(o))
	must(t, err)
	target, err := r.otherLock()
	must(t, err)
	defer target.Close()
	l := filelock.New(r.path(o))
	for _, c := range []struct {
		name string
		by   hiddenBy
		put  func(at string) error
	}{
		{"link", linkInPlace, func(at string) error { return os.Symlink(target.Name(), at) }},
		{"FIFO", otherInPlace, makeFIFO},
		{"directory of a semaphore", otherInPlace, makeSemaphoreDir},
	} {
		try := func() *record {
			r := &record{Op: opAcquire}
			taken, err := l.TryAcquire()
			if taken {
				must(t, l.Release())
			}
			r.answered(taken, err)
			return r
		}
		must(t, r.hide(o, c.by, c.put, func(again func()) {
			again()
			if got := try(); got.Result != failed || got.Limit != notALockFile {
				t.Errorf("%s: %v, %d", c.name, got.Result, got.Limit)
			}
		}))
		if got := try(); got.Result != ok {
			t.Errorf("after the %s: %v", c.name, got.Result)
		}
		if after, err := identify(r.path(o)); after != before || err != nil {
			t.Errorf("after the %s another file is there, %v", c.name, err)
		}
	}
	if len(r.files.hidings) != 3 {
		t.Errorf("%+v", r.files.hidings)
	}
	if err := r.hide(o, otherInPlace, func(string) error { return unix.ENOSPC }, nil); !errors.Is(err, unix.ENOSPC) {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(r.path(o)), "hidden*")); len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A file in the place of a gate stays as it is, and is gone afterwards.
func TestOccupiedGate(t *testing.T) {
	t.Parallel()
	r, o := lockRound(t)
	gate := gatePath(r.path(o))
	for i, put := range notGates {
		must(t, put(gate))
		if err := put(gate); !errors.Is(err, os.ErrExist) {
			t.Errorf("%d, again: %v", i, err)
		}
		must(t, os.Remove(gate))
	}
	close(r.over)
	must(t, r.occupyGate(o, r.plan.clientRand(1, 1)))
	if _, err := os.Lstat(gate); !errors.Is(err, os.ErrNotExist) || len(r.verdict.violations) > 0 || len(r.files.occupations) != 1 {
		t.Errorf("%v, %v, %v", err, r.verdict.violations, r.files.occupations)
	}
}

// A lease makes a try fail without an error.
func TestLease(t *testing.T) {
	t.Parallel()
	if err := leasesAreImpossible(); err != nil {
		t.Skip(err)
	}
	r, o := lockRound(t)
	f, err := os.Open(r.path(o))
	must(t, err)
	defer f.Close()
	must(t, takeLease(int(f.Fd())))
	l := filelock.New(r.path(o))
	if taken, err := l.TryAcquire(); taken || err != nil {
		t.Errorf("%v, %v", taken, err)
	}
	must(t, dropLease(int(f.Fd())))
	must(t, l.Acquire(t.Context()))
	if err := r.lease(o, r.plan.clientRand(1, 1)); err != errMissed { // the lock file is open
		t.Error(err)
	}
	must(t, l.Release())
	must(t, f.Close())
	close(r.over)
	must(t, r.lease(o, r.plan.clientRand(1, 1)))
	if len(r.files.leases) != 1 {
		t.Errorf("%+v", r.files.leases)
	}
}

// The holder of a gate is found in the kernel's table.
func TestFirstWaiter(t *testing.T) {
	t.Parallel()
	const table = "1: FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF\n" +
		"1: -> FLOCK  ADVISORY  WRITE 4243 fe:00:1234 0 EOF\n" +
		"2: POSIX  ADVISORY  WRITE 4244 fe:00:1234 0 EOF\n" +
		"3: FLOCK  ADVISORY  WRITE 4245 fe:00:234 0 EOF\n"
	for inode, want := range map[uint64]int{1234: 4242, 234: 4245, 34: 0} {
		if pid := holderIn(table, inode); pid != want {
			t.Errorf("inode %d: %d", inode, pid)
		}
	}
}

// SIGURG is handled again after it was ignored.
func TestIgnoreOnAndOff(t *testing.T) {
	w := &worker{ending: make(chan struct{})}
	ignoreOnAndOff(w, []string{"20", "1"}, w.ending)
	l := filelock.New(filepath.Join(t.TempDir(), "a.lock"))
	must(t, l.Acquire(t.Context()))
	if taken, err := filelock.New(l.Path()).TryAcquireFor(20 * time.Millisecond); taken || err != nil {
		t.Error(taken, err)
	}
}

// The commands of the repository are built, and fsync-lock runs one.
func TestFsyncLock(t *testing.T) {
	t.Parallel()
	if err := fsyncLock.missing(); err != nil {
		t.Skip(err)
	}
	r, o := lockRound(t)
	must(t, buildCommands(filepath.Dir(r.dir), mix{programs: []program{fsyncLock}}))
	h, err := createHistory(filepath.Join(r.dir, "history", "1"))
	must(t, err)
	c := &client{worker: &worker{history: h, dir: r.dir, plan: r.plan, overlap: r.overlap, pid: uint64(os.Getpid()), ending: make(chan struct{})},
		number: 1 << 8, object: o, absolute: true, rng: r.plan.clientRand(1, 1)}
	want, err := identify(r.path(o))
	must(t, err)
	must(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	for _, w := range []*wrapped{{}, {closes: true}, {becomes: true}} {
		args := []string{}
		if w.closes {
			args = []string{"-o"}
		}
		if w.becomes {
			args = []string{"-F"}
		}
		w.cmd = c.fsyncLock(args)
		got := record{}
		c.startWrapped(w, &got)
		if got.Result != ok || got.File != want.file {
			t.Fatalf("%v: %+v", args, got)
		}
		w.kill()
		if !w.closes && !w.becomes { // the command has the lock
			if taken, err := filelock.New(r.path(o)).TryAcquire(); taken || err != nil {
				t.Errorf("beside the command: %v, %v", taken, err)
			}
		}
		must(t, c.endOf(w))
		l := filelock.New(r.path(o))
		if taken, err := l.TryAcquire(); !taken || err != nil {
			t.Fatalf("%v, after the end: %v, %v", args, taken, err)
		}
		w = &wrapped{cmd: c.fsyncLock([]string{"-n"})}
		if c.startWrapped(w, &got); got.Result != no {
			t.Errorf("held: %v", got.Result)
		}
		must(t, l.Release())
	}
}

// The child that inherits the lock unlocks it, and Check tells the holder.
func TestUnlocker(t *testing.T) {
	t.Parallel()
	l := filelock.New(filepath.Join(t.TempDir(), "a.lock"))
	must(t, l.Acquire(t.Context()))
	must(t, startUnlocker(l))
	if err := l.Check(); !errors.Is(err, filelock.ErrLost) {
		t.Error(err)
	}
	must(t, l.Release())
}

// A process that starts others ends the long ones with the round.
func TestStartPrograms(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip(err)
	}
	w := &worker{ending: make(chan struct{})}
	time.AfterFunc(100*time.Millisecond, func() { close(w.ending) })
	done := make(chan struct{})
	go func() {
		startPrograms(w, []string{"60000", "1"}, w.ending)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Error("it goes on after the end of the round")
	}
}

// A process that waits for an event in a directory is seen to watch it.
func TestListen(t *testing.T) {
	t.Parallel()
	self, err := os.FindProcess(os.Getpid())
	must(t, err)
	p := &process{cmd: &exec.Cmd{Process: self}}
	dir, w := t.TempDir(), &worker{}
	ending, done := make(chan struct{}), make(chan struct{})
	go func() {
		listenTo(w, []string{dir, "60000"}, ending)
		close(done)
	}()
	for end := time.Now().Add(20 * time.Second); !p.watches(dir); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not watch the directory")
		}
	}
	if p.watches("/") {
		t.Error("it watches the root directory")
	}
	close(ending)
	<-done
}
