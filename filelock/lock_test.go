package filelock_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

var background = context.Background()

// must fails the test if one of the steps failed.
var must = testproc.Must

// modes are the options of an exclusive and of a shared Lock.
var modes = map[string][]filelock.Option{"exclusive": nil, "shared": {filelock.Shared()}}

func lockPath(t testing.TB) string { return filepath.Join(t.TempDir(), "a.lock") }

// newDir returns a new directory, which the test may remove or rename.
func newDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	must(t, os.Mkdir(dir, 0o777))
	return dir
}

// removeAtOnce removes a directory in one step: while its files are removed one by one, a
// waiter that polls could create one of them again.
func removeAtOnce(dir string) error {
	return errors.Join(os.Rename(dir, dir+".gone"), os.RemoveAll(dir+".gone"))
}

// An acquirer is a Lock or a Semaphore.
type acquirer interface {
	Path() string
	Acquire(context.Context) error
	TryAcquire() (bool, error)
	Release() error
}

func mustAcquire(t testing.TB, l acquirer) {
	t.Helper()
	must(t, l.Acquire(background))
}

func mustRelease(t testing.TB, l acquirer) {
	t.Helper()
	must(t, l.Release())
}

// mustTry fails the test unless one try answers want.
func mustTry(t testing.TB, l acquirer, want bool) {
	t.Helper()
	if got, err := l.TryAcquire(); got != want || err != nil {
		t.Fatalf("TryAcquire of %s = %v, %v, want %v", l.Path(), got, err, want)
	}
}

// start calls f in a goroutine, and returns a channel with its result.
func start(f func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- f() }()
	return result
}

func acquire(l acquirer) <-chan error { return acquireUntil(background, l) }

func acquireUntil(ctx context.Context, l acquirer) <-chan error {
	return start(func() error { return l.Acquire(ctx) })
}

// acquireAndWait acquires l in a goroutine, and returns when it waits for the lock file.
func acquireAndWait(t testing.TB, ctx context.Context, l *filelock.Lock) (result <-chan error) {
	t.Helper()
	result = acquireUntil(ctx, l)
	awaitWaiters(t, l.Path(), 1)
	return result
}

// mustGet waits for the result of an acquisition, and fails the test if it is an error.
func mustGet(t testing.TB, result <-chan error) {
	t.Helper()
	must(t, await(t, result))
}

// await waits for the result of an acquisition.
func await(t testing.TB, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-time.After(testproc.Patience):
		t.Fatal("Acquire still waits")
		return nil
	}
}

// mustStillWait fails the test if an acquisition has returned.
func mustStillWait(t testing.TB, result <-chan error) {
	t.Helper()
	select {
	case err := <-result:
		t.Fatalf("the wait ended too early (%v)", err)
	default:
	}
}

// timedOut returns the error of a wait that reaches its deadline. On a busy machine the
// deadline may come before the wait begins: then timedOut calls acquire again with twice
// the time.
func timedOut(acquire func(context.Context) error) error {
	for d := 5 * time.Millisecond; ; d *= 2 {
		ctx, cancel := context.WithTimeout(background, d)
		err := acquire(ctx)
		cancel()
		if errors.Is(err, filelock.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) || d > testproc.Patience {
			return err
		}
	}
}

// startWaiter starts a process that acquires the lock.
func startWaiter(t testing.TB, path string, args ...string) *testproc.Proc {
	t.Helper()
	p := testproc.Start(t, "hold", append([]string{path}, args...)...)
	p.Send("acquire")
	return p
}

// startHolder starts a process that holds the lock.
func startHolder(t testing.TB, path string, args ...string) *testproc.Proc {
	t.Helper()
	p := startWaiter(t, path, args...)
	p.Expect("acquire")
	return p
}

// startHead starts a process that holds the lock, and a process that waits for it and has
// the gate. The arguments are for the holder.
func startHead(t testing.TB, path string, args ...string) (holder, head *testproc.Proc) {
	t.Helper()
	holder = startHolder(t, path, args...)
	head = startWaiter(t, path)
	awaitWaiters(t, path, 1)
	return holder, head
}

// startHeir starts a process that inherits the hold, and ends when it hears a line.
func startHeir(t testing.TB, l *filelock.Lock) *testproc.Proc {
	t.Helper()
	f, err := l.File()
	must(t, err)
	defer f.Close() // releases nothing
	cmd := exec.Command("sh", "-c", "echo ready; read line")
	cmd.ExtraFiles = []*os.File{f}
	heir := testproc.StartCmd(t, cmd)
	heir.Expect("ready")
	return heir
}

// release makes a holder release the lock.
func release(t testing.TB, p *testproc.Proc) {
	t.Helper()
	p.Send("release")
	p.Expect("release")
}

func collect() { runtime.GC(); time.Sleep(time.Millisecond) }

// Each call that has to wait calls the function of OnWait, in its own goroutine and before
// it enters a queue. Other calls do not call the function.
func TestOnWait(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	calls := 0
	var queued int
	opt := filelock.OnWait(func() { calls, queued = calls+1, filelock.QueueLen(path) })
	l := filelock.New(path, opt)
	mustCall := func(n int, what string) {
		t.Helper()
		if calls != n {
			t.Errorf("%s: %d calls, want %d", what, calls, n)
		}
		calls = 0
	}
	mustAcquire(t, l)
	mustCall(0, "the lock is free")
	mustTry(t, l, false)
	mustCall(0, "a try")
	for d := time.Millisecond; calls == 0 && d < testproc.Patience; d *= 2 { // on a busy machine the time may end before the wait begins
		if ok, err := l.TryAcquireFor(d); ok || err != nil {
			t.Errorf("TryAcquireFor = %v, %v", ok, err)
		}
	}
	mustCall(1, "a wait that timed out")
	err := timedOut(func(ctx context.Context) error { return l.With(ctx, nil) })
	if !errors.Is(err, filelock.ErrLocked) || queued != 0 {
		t.Errorf("With = %v, and %d goroutines were in the queue", err, queued)
	}
	mustCall(1, "With")
	s := filelock.NewSemaphore(path+".sem", 1, opt)
	mustTry(t, s, true)
	for d := time.Millisecond; calls == 0 && d < testproc.Patience; d *= 2 {
		if _, err := s.TryAcquireFor(d); err != nil {
			t.Fatal(err)
		}
	}
	mustCall(1, "a semaphore whose slot is held")
}

func TestModesExclude(t *testing.T) {
	t.Parallel()
	for first, a := range modes {
		for second, b := range modes {
			t.Run(first+" then "+second, func(t *testing.T) {
				path := lockPath(t)
				one, two := filelock.New(path, a...), filelock.New(path, b...)
				mustAcquire(t, one)
				together := first == "shared" && second == "shared"
				mustTry(t, two, together)
				mustRelease(t, one)
				if !together {
					mustTry(t, two, true)
				}
				mustRelease(t, two)
			})
		}
	}
}

func TestOneValue(t *testing.T) {
	t.Parallel()
	t.Run("exclusive is held once", func(t *testing.T) {
		l := filelock.New(lockPath(t))
		mustAcquire(t, l)
		mustTry(t, l, false)
		mustRelease(t, l)
		mustTry(t, l, true)
		mustRelease(t, l)
	})
	t.Run("shared is held as often as acquired", func(t *testing.T) {
		path := lockPath(t)
		l, writer := filelock.New(path, filelock.Shared()), filelock.New(path)
		mustAcquire(t, l)
		mustAcquire(t, l)
		mustRelease(t, l)
		mustTry(t, writer, false)
		mustRelease(t, l)
		mustTry(t, writer, true)
	})
	t.Run("Release without a hold", func(t *testing.T) {
		path := lockPath(t)
		l, other := filelock.New(path), filelock.New(path)
		mustAcquire(t, other)
		if err := l.Release(); !errors.Is(err, filelock.ErrNotHeld) || !strings.Contains(err.Error(), path) {
			t.Fatalf("Release = %v", err)
		}
		if _, err := l.File(); !errors.Is(err, filelock.ErrNotHeld) {
			t.Fatalf("File = %v", err)
		}
		mustTry(t, l, false)
	})
	// The goroutines use two Locks, so that the race detector reports a holder of one
	// Lock that does not see the writes of the holder before it.
	t.Run("many goroutines", func(t *testing.T) {
		path, n := lockPath(t), 0
		locks := []*filelock.Lock{filelock.New(path), filelock.New(path)}
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				l := locks[i%2]
				if err := l.Acquire(background); err != nil {
					t.Error(err)
					return
				}
				n++
				if err := l.Release(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n != 100 {
			t.Fatalf("the counter is %d, not 100", n)
		}
	})
}

func TestProcessesCount(t *testing.T) {
	t.Parallel()
	for _, remove := range []string{"keep", "remove"} {
		t.Run(remove, func(t *testing.T) {
			t.Parallel()
			procs, each := 6, testproc.Size(200, 40)
			dir := t.TempDir()
			path, counter := filepath.Join(dir, "a.lock"), filepath.Join(dir, "n")
			must(t, os.WriteFile(counter, []byte("0"), 0o666))
			var all []*testproc.Proc
			for range procs {
				all = append(all, testproc.Start(t, "count", path, counter, strconv.Itoa(each), remove))
			}
			for _, p := range all {
				p.Wait()
			}
			text, err := os.ReadFile(counter)
			must(t, err)
			if got := string(text); got != strconv.Itoa(procs*each) {
				t.Fatalf("the counter is %s, not %d: two processes held the lock at once", got, procs*each)
			}
		})
	}
}

func TestEndedContextFailsOnFreeLock(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	why := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(background)
	cancel(why)
	err := filelock.New(path).Acquire(ctx)
	if !errors.Is(err, why) || !errors.Is(err, context.Canceled) || errors.Is(err, filelock.ErrLocked) {
		t.Fatalf("Acquire = %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the lock file was created: %v", err)
	}
}

func TestCancelledWait(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	mustAcquire(t, filelock.New(path))
	why := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(background)
	result := acquireAndWait(t, ctx, filelock.New(path))
	cancel(why)
	err := await(t, result)
	var locked *filelock.LockedError
	if !errors.As(err, &locked) || locked.Path != path {
		t.Fatalf("Acquire = %v, want a LockedError for %s", err, path)
	}
	for _, want := range []error{filelock.ErrLocked, why, context.Canceled} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
	if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), why.Error()) {
		t.Errorf("message %q does not name the file and the reason", err)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := filelock.New(path)
	mustAcquire(t, holder)
	l := filelock.New(path)
	for _, d := range []time.Duration{-time.Second, 0, time.Nanosecond, 150 * time.Millisecond} {
		start := time.Now()
		ok, err := l.TryAcquireFor(d)
		took := time.Since(start)
		if ok || err != nil {
			t.Fatalf("TryAcquireFor(%v) = %v, %v", d, ok, err)
		}
		if took < d {
			t.Errorf("TryAcquireFor(%v) gave up early, after %v", d, took)
		}
		if took > d+testproc.Patience/4 {
			t.Errorf("TryAcquireFor(%v) gave up late, after %v", d, took)
		}
	}
	if err := timedOut(l.Acquire); !errors.Is(err, filelock.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Acquire = %v", err)
	}
	mustRelease(t, holder)
	for _, d := range []time.Duration{-time.Second, 0, time.Hour, 1<<63 - 1} {
		if ok, err := l.TryAcquireFor(d); !ok || err != nil {
			t.Fatalf("TryAcquireFor(%v) of a free lock = %v, %v", d, ok, err)
		}
		mustRelease(t, l)
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l, other := filelock.New(path), filelock.New(path)
	type key struct{}
	ctx := context.WithValue(background, key{}, "value")
	broken := errors.New("broken")

	err := l.With(ctx, func(ctx context.Context) error {
		if ctx.Value(key{}) != "value" {
			t.Error("fn got another context")
		}
		mustTry(t, other, false)
		return broken
	})
	if err != broken {
		t.Errorf("With = %v", err)
	}
	mustTry(t, other, true)
	mustRelease(t, other)

	func() {
		defer func() {
			if r := recover(); r != broken {
				t.Errorf("recovered %v", r)
			}
		}()
		l.With(ctx, func(context.Context) error { panic(broken) })
	}()
	mustTry(t, other, true)
	mustRelease(t, other)

	exited := make(chan struct{})
	go func() {
		defer close(exited)
		l.With(ctx, func(context.Context) error { runtime.Goexit(); return nil })
	}()
	<-exited
	mustTry(t, other, true)

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := l.With(cancelled, func(context.Context) error { t.Error("ran without the lock"); return nil }); err == nil {
		t.Error("With did not fail")
	}
	mustRelease(t, other)
	if err := l.With(ctx, func(context.Context) error { return l.Release() }); !errors.Is(err, filelock.ErrNotHeld) {
		t.Errorf("With around a Release of its hold = %v", err)
	}
}

// A Lock that the program has dropped is still held.
func TestHoldOutlivesItsValue(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a") // it gets no record: a hold that waits for its record is still in use
	p := testproc.Start(t, "drop", path)
	p.Expect("dropped")
	l := filelock.New(path)
	mustTry(t, l, false)
	p.Kill()
	mustTry(t, l, true)
}

func TestRelativePath(t *testing.T) {
	// Not parallel: the working directory belongs to the process.
	dir, elsewhere := t.TempDir(), t.TempDir()
	t.Chdir(dir)
	l := filelock.New("a.lock")
	if l.Path() != "a.lock" {
		t.Errorf("Path = %q", l.Path())
	}
	holder := filelock.New(filepath.Join(dir, "a.lock"))
	mustAcquire(t, holder)
	result := acquire(l)
	awaitWaiters(t, holder.Path(), 1)
	t.Chdir(elsewhere) // while it waits
	mustRelease(t, holder)
	mustGet(t, result)
	mustTry(t, holder, false)
}

func TestKilledHolder(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	p := startHolder(t, path)
	result := acquireAndWait(t, background, filelock.New(path))
	start := time.Now()
	p.Kill()
	mustGet(t, result)
	if took := time.Since(start); took > testproc.Patience/4 {
		t.Errorf("the lock came %v after its holder was killed", took)
	}
}

// If the lock file is removed, a Lock can acquire a second hold, on the new file. Only that
// hold keeps others out, so Release ends it last.
func TestReleaseOfRemovedFile(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l, other := filelock.New(path), filelock.New(path)
	mustAcquire(t, l)
	if err := os.Remove(path); err != nil {
		t.Skip(err) // Windows
	}
	mustAcquire(t, l)
	for _, want := range []bool{false, true} {
		mustRelease(t, l)
		mustTry(t, other, want)
	}
}
