package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/flockwait"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

func openFile(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// A shellsFile is a file that the shell has open. Its lock is held through another open
// file of this process, holder.
type shellsFile struct {
	*descriptor
	file   *os.File
	holder *os.File
}

func newShellsFile(t *testing.T) *shellsFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.lock")
	f := &shellsFile{file: openFile(t, path), holder: openFile(t, path)}
	f.descriptor = &descriptor{fd: int(f.file.Fd()), how: unix.LOCK_EX}
	if err := unix.Flock(int(f.holder.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *shellsFile) release(t *testing.T) {
	t.Helper()
	if err := unix.Flock(int(f.holder.Fd()), unix.LOCK_UN); err != nil {
		t.Error(err)
	}
}

// mustBe fails the test unless the shell's file is locked, or is not, as expected. If it
// is not, holder locks it.
func (f *shellsFile) mustBe(t *testing.T, locked bool) {
	t.Helper()
	err := unix.Flock(int(f.holder.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if (err == unix.EWOULDBLOCK) != locked || err != nil && err != unix.EWOULDBLOCK {
		t.Errorf("locked should be %v; a try returns %v", locked, err)
	}
}

func (f *shellsFile) acquire(ctx context.Context) <-chan error {
	result := make(chan error, 1)
	go func() { result <- f.Acquire(ctx) }()
	return result
}

// Another process waits through the same open file, and gets the lock at the moment at
// which our wait ends. It keeps the lock: Acquire does not unlock the file, or a third
// process could get the lock, too.
func TestSiblingOfADescriptor(t *testing.T) {
	f := newShellsFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	var sibling *testproc.Proc
	back := make(chan struct{})
	flockwait.Reached = func(s flockwait.Step, fd int) {
		switch s {
		case flockwait.Interrupting:
			f.release(t)
			sibling.Expect("locked")
		case flockwait.Interrupted:
			close(back)
		case flockwait.Returned:
			<-back
			f.mustBe(t, true)
		}
	}
	result := f.acquire(ctx)
	testproc.AwaitWaiters(t, f.file.Name(), 1)
	cmd := exec.Command("sh", "-c", "fsync-lock 3 && echo locked; read x")
	cmd.ExtraFiles = []*os.File{f.file}
	sibling = testproc.StartCmd(t, cmd)
	testproc.AwaitWaiters(t, f.file.Name(), 2)
	cancel()
	err := <-result
	flockwait.Reached = func(flockwait.Step, int) {}
	if err != nil {
		t.Errorf("the open file is locked, and Acquire = %v", err)
	}
	f.mustBe(t, true)
}

// The other process waits on when our wait ends, and gets the lock later.
func TestSiblingWaitsOn(t *testing.T) {
	f := newShellsFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	result := f.acquire(ctx)
	testproc.AwaitWaiters(t, f.file.Name(), 1)
	cmd := exec.Command("sh", "-c", "fsync-lock 3 && echo locked; read x")
	cmd.ExtraFiles = []*os.File{f.file}
	sibling := testproc.StartCmd(t, cmd)
	testproc.AwaitWaiters(t, f.file.Name(), 2)
	cancel()
	if err := <-result; err != errTimeout {
		t.Errorf("Acquire = %v", err)
	}
	testproc.AwaitWaiters(t, f.file.Name(), 1)
	sibling.Silent()
	f.release(t)
	sibling.Expect("locked")
	f.mustBe(t, true)
}

// At whatever step of the wait the time is up, Acquire reports correctly whether the
// shell's file has the lock. The shell's descriptor is not replaced, and no other
// descriptor is left.
func TestDeadlineOfADescriptor(t *testing.T) {
	for name, c := range map[string]struct {
		step  flockwait.Step
		freed bool
		want  error
	}{
		"before the system call":                 {flockwait.Begun, false, errTimeout},
		"before the system call, and it is free": {flockwait.Begun, true, nil},
		"after the grant":                        {flockwait.Returned, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newShellsFile(t)
			if free, ok := flockwait.Reserve(); ok { // opens a file that stays open
				free()
			}
			before := testproc.Descriptors(t)
			ctx, cancel := context.WithCancel(t.Context())
			back := make(chan struct{})
			flockwait.Reached = func(now flockwait.Step, fd int) {
				switch now {
				case flockwait.Interrupted:
					close(back)
				case c.step:
					if now == flockwait.Begun && c.freed {
						f.release(t)
					}
					cancel()
					if <-back; now == flockwait.Returned {
						f.mustBe(t, true)
					}
				}
			}
			defer func() { flockwait.Reached = func(flockwait.Step, int) {} }()
			result := f.acquire(ctx)
			if c.step == flockwait.Returned {
				testproc.AwaitWaiters(t, f.file.Name(), 1)
				f.release(t)
			}
			if err := <-result; err != c.want {
				t.Errorf("Acquire = %v, want %v", err, c.want)
			}
			if left := testproc.NewDescriptors(t, before); left != "" {
				t.Errorf("the wait has left these descriptors open:\n%s", left)
			}
			if !c.freed {
				f.release(t)
			}
			f.mustBe(t, c.want == nil)
		})
	}
}

// If a blocked system call cannot be interrupted, a wait for a descriptor polls.
func TestDescriptorIsPolled(t *testing.T) {
	former := flockwait.SetThreads(0)
	defer flockwait.SetThreads(former)
	f := newShellsFile(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := f.Acquire(ctx); err != errTimeout {
		t.Errorf("Acquire = %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	result := f.acquire(ctx)
	f.release(t)
	if err := <-result; err != nil {
		t.Error(err)
	}
	f.mustBe(t, true)
}

// A wait for a descriptor starts no other process.
func TestNoProcessWaitsForADescriptor(t *testing.T) {
	t.Parallel()
	f := newShellsFile(t)
	cmd := exec.Command("sh", "-c", "exec fsync-lock -w 1000 3")
	cmd.ExtraFiles = []*os.File{f.file}
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	p := testproc.StartCmd(t, cmd)
	testproc.AwaitWaiters(t, f.file.Name(), 1)
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if text, err := os.ReadFile(task); err != nil || len(text) > 0 {
			t.Errorf("%s: %q, %v", task, text, err)
		}
	}
	f.release(t)
	p.Wait()
	f.mustBe(t, true)
}
