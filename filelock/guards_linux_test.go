package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/flockwait"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// A short hold does not open its file for writing: meanwhile the file could not be executed.
func TestShortHoldIsReadOnly(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	write(t, path, "")
	written := testproc.ReportsOf(t, unix.IN_CLOSE_WRITE|unix.IN_MODIFY, path)
	l := filelock.New(path)
	testproc.Until(t, "this goroutine is quick", func() bool {
		written()
		start := time.Now()
		mustAcquire(t, l)
		mustRelease(t, l)
		quick := time.Since(start) < filelock.RecordAfter
		if quick && written() != "" {
			t.Error("the file was opened for writing")
		}
		return quick
	})
}

// A Leave of a hold without a record does not try the lock again.
func TestLeaveWithoutARecord(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path, filelock.NoRecord())
	mustAcquire(t, l)
	f, err := l.File()
	must(t, err, f.Close())
	filelock.At(t, filelock.Opening, path, func() { t.Error("the lock was tried again") })
	must(t, l.Leave())
}

// Leave removes the record if no other process has the file. It does not change another file
// with the same record, which has come to the path.
func TestLeaveRemovesItsRecord(t *testing.T) {
	t.Parallel()
	for _, replaced := range []bool{false, true} {
		path := lockPath(t)
		l := filelock.New(path)
		mustAcquire(t, l)
		f, err := l.File() // writes the record
		must(t, err, f.Close())
		text := content(t, path)
		if replaced {
			put(t, path, text)
		}
		testproc.BetweenForks(func() { err = l.Leave() })
		must(t, err)
		if got := content(t, path); text == "" || replaced && got != text || !replaced && got != "" {
			t.Errorf("replaced %v: %q became %q", replaced, text, got)
		}
		mustTry(t, filelock.New(path), true)
	}
}

func init() { roles["log"] = logRole }

// logRole PATH OUTPUT: takes the lock on its own output, and prints a line.
func logRole(args []string) error {
	l := filelock.New(args[0])
	if err := l.Acquire(background); err != nil {
		return err
	}
	if _, err := l.File(); err != nil { // writes the record, if the file gets one
		return err
	}
	out := os.Stdout
	if args[1] == "2" {
		out = os.Stderr
	}
	fmt.Fprintln(out, "a line")
	return l.Release()
}

// A program locks the file into which it prints. The file gets no record.
func TestOutputGetsNoRecord(t *testing.T) {
	t.Parallel()
	for _, output := range []string{"1", "2"} {
		path := lockPath(t)
		cmd := testproc.Below(testproc.RoleCmd("log", path, output), "sh", "-c", `exec "$0" "$@" `+output+`>"$1"`)
		testproc.StartCmd(t, cmd).Wait()
		if got := content(t, path); got != "a line\n" {
			t.Errorf("output %s: %q", output, got)
		}
	}
}

// A FIFO is not opened, because that has effects on other processes.
func TestNewLockOpensNoFIFO(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	must(t, syscall.Mkfifo(path, 0o666))
	opened := testproc.ReportsOf(t, unix.IN_OPEN, path)
	for _, err := range []error{errorOf(filelock.New(path).TryAcquire()), filelock.New(path).Acquire(background)} {
		if !errors.Is(err, fs.ErrInvalid) {
			t.Error(err)
		}
	}
	if opened() != "" {
		t.Error("the FIFO was opened")
	}
}

// A slot gets a record, although its file is not called NAME.lock.
func TestSlotIsRecorded(t *testing.T) {
	t.Parallel()
	path, s := holdSlots(t, 1)
	slot := filepath.Join(path, "1")
	awaitRecord(t, slot)
	mustRelease(t, s)
	mustBeEmpty(t, slot)
}

// The zero values hold nothing, and all their methods fail.
func TestZeroValues(t *testing.T) {
	t.Parallel()
	for _, l := range []interface {
		acquirer
		filelock.Inspectable
	}{new(filelock.Lock), new(filelock.Semaphore)} {
		for _, err := range []error{l.Acquire(background), errorOf(l.TryAcquire()), errorOf(l.Holders()), errorOf(l.Waiters()), filelock.Inspect(l)[0].Err} {
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%T: %v", l, err)
			}
		}
		if err := l.Release(); !errors.Is(err, filelock.ErrNotHeld) {
			t.Errorf("%T: Release = %v", l, err)
		}
	}
}

// A goroutine gives up in the queue of its process. The others stay in the queue. When none
// is left, the next Acquire does not wait.
func TestGivenUpInTheQueue(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, first := filelock.New(path), filelock.New(path)
	mustAcquire(t, holder)
	result := acquireAndWait(t, background, first)
	ctx, cancel := context.WithCancel(background)
	second := acquireUntil(ctx, filelock.New(path))
	awaitQueue(t, path, 2)
	cancel()
	if err := await(t, second); !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("Acquire = %v", err)
	}
	if n := filelock.QueueLen(path); n != 1 {
		t.Errorf("%d goroutines are in the queue, want 1", n)
	}
	mustRelease(t, holder)
	mustGet(t, result)
	mustRelease(t, first)
	awaitNoGate(t, path)
	mustAcquire(t, filelock.New(path, filelock.OnWait(func() { t.Error("Acquire of a free lock waits") })))
}

// A countingContext never ends. It counts the functions that wait for its end.
type countingContext struct {
	context.Context
	done    chan struct{}
	waiting atomic.Int64
}

func (c *countingContext) Done() <-chan struct{} { return c.done }

// AfterFunc is what package context calls.
func (c *countingContext) AfterFunc(func()) (stop func() bool) {
	c.waiting.Add(1)
	var once sync.Once
	return func() bool {
		once.Do(func() { c.waiting.Add(-1) })
		return true
	}
}

// When Acquire has returned, nothing of it waits for the end of its context, which may live
// as long as the program.
func TestNothingWaitsForTheContext(t *testing.T) {
	t.Parallel()
	path, slots := heldSlots(t, 2)
	holder := filelock.New(lockPath(t))
	mustAcquire(t, holder)
	ctx := &countingContext{Context: background, done: make(chan struct{})}
	results := []<-chan error{acquireUntil(ctx, filelock.New(holder.Path())), acquireUntil(ctx, filelock.NewSemaphore(path, 2))}
	awaitWaiters(t, holder.Path(), 1)
	awaitSlotWaiter(t, path, 2)
	if !testproc.Polls() && ctx.waiting.Load() == 0 {
		t.Error("nothing waits for the end of the context during the wait")
	}
	mustRelease(t, holder)
	mustRelease(t, slots[1])
	for _, result := range results {
		mustGet(t, result)
	}
	if n := ctx.waiting.Load(); n != 0 {
		t.Errorf("%d functions wait for the end of the context", n)
	}
}

// For a moment there is a file in the place of the directory. A waiter cannot look for its
// file or for its gate, but goes on waiting.
func TestDirectoryAwayForAMoment(t *testing.T) {
	needsKernelWait(t, "a poll returns the error")
	t.Parallel()
	for _, atGate := range []bool{false, true} {
		t.Run(fmt.Sprint("at the gate ", atGate), func(t *testing.T) {
			t.Parallel()
			dir := newDir(t)
			path := filepath.Join(dir, "a.lock")
			var holder *testproc.Proc
			var result <-chan error
			if atGate {
				var head *testproc.Proc
				holder, head = startHead(t, path)
				result = waitAtGate(t, background, filelock.New(path))
				head.Halt()
			} else {
				holder = startHolder(t, path)
				result = acquireAndWait(t, background, filelock.New(path))
			}
			filelock.StopChecks(t, path)
			must(t, os.Rename(dir, dir+".away"), os.WriteFile(dir, nil, 0o666))
			filelock.Check(t, path)
			select {
			case err := <-result:
				t.Fatalf("Acquire = %v", err)
			case <-time.After(20 * time.Millisecond):
			}
			must(t, os.Remove(dir), os.Rename(dir+".away", dir))
			release(t, holder)
			filelock.Check(t, path)
			mustGet(t, result)
		})
	}
}

// A waiter behind a stopped waiter notices that it may no longer use the directory.
func TestDirectoryClosedBehindAStoppedHead(t *testing.T) {
	needsKernelWait(t, "another user cannot write into the gate, so the test does not see that it waits")
	t.Parallel()
	dir := publicDir(t)
	path := filepath.Join(dir, "a.lock")
	_, head := startHead(t, path)
	next := startAsNobody(t, "hold", path)
	next.Send("acquire")
	awaitWaiters(t, gateOf(path), 1)
	head.Halt()
	must(t, os.Chmod(dir, 0o700))
	if status := next.Exit(); status != 1 || !strings.Contains(next.Stderr(), "permission denied") {
		t.Errorf("exit status %d: %s", status, next.Stderr())
	}
}

// A waiter has taken the lock past a stopped waiter. Another check, before its call for the
// gate is back, does not make it lose the lock.
func TestCheckAfterPassingBy(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	atCall(t, flockwait.Begun, gateOf(path), func(fd int) {
		callSteps.Store(fmt.Sprint(int(flockwait.Returned), " ", fd), func(int) { filelock.Check(t, path) })
	})
	result := waitAtGate(t, background, filelock.New(path))
	head.Halt()
	filelock.StopChecks(t, path)
	release(t, holder)
	filelock.Check(t, path)
	mustGet(t, result)
	mustTry(t, filelock.New(path), false)
}

// A waiter has taken the lock past a waiter that is stopped. That one dies, and the kernel
// grants the gate before the waiter is called back. The waiter releases the gate.
func TestPassingByAGateThatIsGranted(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	granted := make(chan struct{})
	atCall(t, flockwait.Returned, gateOf(path), func(int) { close(granted) })
	l := filelock.New(path)
	result := waitAtGate(t, background, l)
	head.Halt()
	filelock.StopChecks(t, path)
	release(t, holder)
	filelock.At(t, filelock.PassingBy, path, func() { head.Kill(); <-granted })
	filelock.Check(t, path)
	mustGet(t, result)
	mustRelease(t, l)
	awaitNoGate(t, path)
}

// The process that has the gate leaves it to a waiter that is just giving up, which removes
// the gate:
//
//	head, which has the gate      waiter
//	                              called back; its descriptor is still open
//	get and release the lock;
//	see that a process waits
//	                              close the descriptor; remove the gate
func TestGivenUpWhenTheGateIsLeft(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, head := startHead(t, path)
	atCall(t, flockwait.Begun, gateOf(path), func(fd int) {
		callSteps.Store(fmt.Sprint(int(flockwait.Interrupted), " ", fd), func(int) {
			release(t, holder)
			head.Expect("acquire")
			release(t, head)
		})
	})
	ctx, cancel := context.WithCancel(background)
	result := waitAtGate(t, ctx, filelock.New(path))
	filelock.StopChecks(t, path) // the waiter must not take the lock before the head does
	cancel()
	if err := await(t, result); !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("Acquire = %v", err)
	}
	awaitNoGate(t, path)
}

// Release removes the gate that its waiter has left. It does not rely on the timer, because
// the process may end at once.
func TestReleaseRemovesTheGate(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, l := startHolder(t, path), filelock.New(path)
	result := acquireAndWait(t, background, l)
	release(t, holder)
	mustGet(t, result)
	filelock.StopTimerOfGate(l)
	mustRelease(t, l)
	awaitNoGate(t, path)
}

// Each gate gets a line about a waiter, also a gate that replaces another one.
func TestEachGateIsTold(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	path, ours := waitBehindHolder(t)
	for range 3 {
		put(t, gateOf(path), "")
		filelock.Check(t, path)
		mustKnowSince(t, path)
	}
	mustStillWait(t, ours)
}

// A file that is not a gate stays ignored after a waiter has passed it.
func TestPassedFileIsStillNoGate(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	write(t, gateOf(path), "precious\n")
	filelock.Sweep(path)
	holder := startHolder(t, path)
	result := acquireAndWait(t, background, filelock.New(path))
	if filelock.InUse(path) {
		t.Error("the file counts as a gate")
	}
	release(t, holder)
	mustGet(t, result)
}

// A gate that cannot be removed is ignored: otherwise all acquisitions would wait at it.
func TestGateThatCannotBeRemoved(t *testing.T) {
	t.Parallel()
	dir := testproc.Tmpfs(t, "size=64k")
	path := filepath.Join(dir, "a.lock")
	leaveGate(t, path)
	testproc.ReadOnly(t, dir)
	if !filelock.InUse(path) {
		t.Error("a gate that a crash may have left is ignored")
	}
	filelock.Sweep(path)
	if filelock.InUse(path) || gone(gateOf(path)) {
		t.Errorf("a gate that cannot be removed counts: %v, is gone: %v", filelock.InUse(path), gone(gateOf(path)))
	}
}

// nullDevice makes a device like /dev/null, which other programs use.
func nullDevice(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "null")
	if err := syscall.Mknod(path, syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
		t.Skip("cannot make a device (needs root):", err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Skip("cannot open a device here:", err)
	}
	f.Close()
	return path
}

// Waiters for a device make no gate: the directory of devices is not for that.
func TestDeviceHasNoGate(t *testing.T) {
	t.Parallel()
	path := nullDevice(t)
	holder := filelock.New(path, filelock.AnyFile())
	mustAcquire(t, holder)
	result := acquireAndWait(t, background, filelock.New(path, filelock.AnyFile()))
	if !gone(gateOf(path)) {
		t.Error("there is a gate")
	}
	mustRelease(t, holder)
	mustGet(t, result)
}

// A device is not opened for writing, as other files are on NFS.
func TestDeviceIsNotOpenedForWriting(t *testing.T) {
	t.Parallel()
	p := startTamperedRole(t, []string{"-e", "inject=flock:error=EIO:when=1"}, "hold", nullDevice(t), "any")
	p.Send("try 0s")
	if status := p.Exit(); status != 1 || !strings.Contains(p.Stderr(), "input/output error") {
		t.Errorf("exit status %d: %s", status, p.Stderr())
	}
}

// An open pipe can be locked, unlike a FIFO that is given by its name.
func TestOpenPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	defer w.Close()
	path := fmt.Sprintf("/proc/self/fd/%d", r.Fd())
	l := filelock.New(path, filelock.AnyFile())
	mustTry(t, l, true)
	mustTry(t, filelock.New(path, filelock.AnyFile()), false)
	mustRelease(t, l)
}

// An open file was removed. Another file has the name that the kernel then shows. The lock is
// on the open file.
func TestOpenFileWithTheNameOfAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	f, err := os.Create(path)
	must(t, err, os.Remove(path))
	defer f.Close()
	other := path + " (deleted)"
	write(t, other, "")
	mustTry(t, filelock.New(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), filelock.AnyFile()), true)
	mustTry(t, filelock.New(other), true)
}

func init() { roles["follow"] = follow }

// follow PATH: tries the lock once, through links, and prints the result.
func follow(args []string) error {
	fmt.Println(filelock.New(args[0], filelock.AnyFile()).TryAcquire())
	return nil
}

// A user other than root follows the own links and those of root, in directories to which only
// root, this user and the group of either may write.
func TestLinksOfAUser(t *testing.T) {
	t.Parallel()
	const nobody = 65534
	for name, c := range map[string]struct {
		owner, group int
		mode         fs.FileMode
		want         string
	}{
		"of root":                      {0, 0, 0o755, "true <nil>"},
		"of this user":                 {nobody, 0, 0o755, "true <nil>"},
		"of another user":              {1234, 0, 0o755, "of user 1234"},
		"beside files of root's group": {nobody, 0, 0o775, "true <nil>"},
		"beside files of its group":    {nobody, nobody, 0o775, "true <nil>"},
		"beside files of a group":      {nobody, 1234, 0o775, "others may write"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, file := publicDir(t), filepath.Join(publicDir(t), "file")
			path := filepath.Join(dir, "link")
			write(t, file, "")
			must(t, os.Symlink(file, path))
			p := startAsNobody(t, "follow", path) // skips the test unless this process is root
			p.Wait()
			must(t, os.Lchown(path, c.owner, -1), os.Chown(dir, c.owner, c.group), os.Chmod(dir, c.mode))
			p = startAsNobody(t, "follow", path)
			if got := p.Line(); !strings.Contains(got, c.want) {
				t.Errorf("TryAcquire = %s, want %s", got, c.want)
			}
		})
	}
}

// A thread that has waited in the kernel can be used by the next wait.
func TestThreadsAreFree(t *testing.T) {
	// Not parallel: the bound is for the whole process.
	needsKernelWait(t, "no thread waits")
	filelock.SetThreads(t, filelock.Blocked()+1)
	for range 2 {
		path := lockPath(t)
		holder := startHolder(t, path)
		result := acquireAndWait(t, background, filelock.New(path))
		release(t, holder)
		mustGet(t, result)
	}
}

// A waiter that polls pauses between two tries.
func TestPollsPause(t *testing.T) {
	// Not parallel: the bound is for the whole process.
	filelock.SetThreads(t, 0)
	path := lockPath(t)
	startHolder(t, path)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	result := acquireUntil(ctx, filelock.New(path))
	awaitQueue(t, path, 1)
	opened := testproc.ReportsOf(t, unix.IN_OPEN|unix.IN_CLOSE, path)
	start := time.Now()
	<-time.After(50 * time.Millisecond)
	tries := len(opened()) / unix.SizeofInotifyEvent / 2
	if most := int(time.Since(start)/(250*time.Microsecond)) + 10; tries > most {
		t.Errorf("%d tries in %v", tries, time.Since(start))
	}
	cancel()
	if err := await(t, result); !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("Acquire = %v", err)
	}
}
