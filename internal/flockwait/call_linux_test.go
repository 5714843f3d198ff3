package flockwait_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/flockwait"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// No test here is parallel: the tests count the descriptors of the process, and share Reached.

var errBack = errors.New("called back")

// at makes the next Call that reaches a step call do, once.
func at(t testing.TB, s flockwait.Step, do func(fd int)) {
	t.Helper()
	var once sync.Once
	flockwait.Reached = func(now flockwait.Step, fd int) {
		if now == s {
			once.Do(func() { do(fd) })
		}
	}
	t.Cleanup(func() { flockwait.Reached = func(flockwait.Step, int) {} })
}

// A lockFile is a file to lock.
type lockFile struct {
	path string
	fd   int // for the Call of the test
}

// newLockFile returns a lockFile. At the end of the test it checks that no descriptor and no
// waiter is left.
func newLockFile(t testing.TB) *lockFile {
	t.Helper()
	free, ok := flockwait.Reserve() // the first Reserve opens a file that stays open
	if !ok {
		t.Fatal("no call can be called back")
	}
	free()
	before := testproc.Descriptors(t)
	f := &lockFile{path: filepath.Join(t.TempDir(), "a.lock")}
	f.fd = open(t, f.path)
	t.Cleanup(func() {
		unix.Close(f.fd)
		if left := testproc.NewDescriptors(t, before); left != "" {
			t.Errorf("the test has left these descriptors open:\n%s", left)
		}
		if n := testproc.Waiters(t, f.path); n != 0 {
			t.Errorf("%d threads are left in the kernel", n)
		}
	})
	return f
}

func open(t testing.TB, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// mustBeFree fails the test unless another open file can be locked.
func (f *lockFile) mustBeFree(t testing.TB) {
	t.Helper()
	if !f.isFree(t) {
		t.Error("the lock is still held")
	}
}

func (f *lockFile) isFree(t testing.TB) bool {
	t.Helper()
	fd := open(t, f.path)
	defer unix.Close(fd)
	err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = unix.Flock(fd, unix.LOCK_UN) // because a child of another test may have a copy of fd
		return err == nil
	}
	if err != unix.EWOULDBLOCK {
		t.Fatal(err)
	}
	return false
}

// hold locks the file through another descriptor until release is called.
func (f *lockFile) hold(t testing.TB) (release func()) {
	t.Helper()
	fd := open(t, f.path)
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Flock(fd, unix.LOCK_UN); err != nil {
			t.Error(err)
		}
		unix.Close(fd)
	}
}

// lock starts the Call in a goroutine.
func (f *lockFile) lock(c *flockwait.Call) <-chan error {
	result := make(chan error, 1)
	go func() { result <- c.Lock(f.fd, unix.LOCK_EX) }()
	return result
}

func mustCome(t testing.TB, result <-chan error, want error) {
	t.Helper()
	select {
	case err := <-result:
		if err != want {
			t.Errorf("Lock = %v, want %v", err, want)
		}
	case <-time.After(testproc.Patience):
		t.Fatal("the call does not return")
	}
}

func inode(t testing.TB, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// Back comes before Lock. Lock fails, and its descriptor keeps its file.
func TestBackBeforeLock(t *testing.T) {
	f := newLockFile(t)
	var c flockwait.Call
	c.Back(errBack)
	before := inode(t, f.fd)
	mustCome(t, f.lock(&c), errBack)
	if inode(t, f.fd) != before {
		t.Error("the descriptor has another file")
	}
	f.mustBeFree(t)
}

// Back comes after Lock has begun and before flock(2).
func TestBackBeforeTheSystemCall(t *testing.T) {
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprint("held=", held), func(t *testing.T) {
			f := newLockFile(t)
			release := func() {}
			if held {
				release = f.hold(t)
			}
			var c flockwait.Call
			at(t, flockwait.Begun, func(int) {
				done := make(chan struct{})
				go func() { c.Back(errBack); close(done) }()
				<-done
			})
			mustCome(t, f.lock(&c), errBack)
			release()
			f.mustBeFree(t)
		})
	}
}

// The thread waits in the kernel until Back sends the signal. To put the other file in place
// does not end the wait.
func TestBackInTwoSteps(t *testing.T) {
	f := newLockFile(t)
	release := f.hold(t)
	var c flockwait.Call
	at(t, flockwait.Interrupting, func(int) {
		if n := testproc.Waiters(t, f.path); n != 1 {
			t.Errorf("%d threads wait before the signal, want 1", n)
		}
	})
	result := f.lock(&c)
	testproc.AwaitWaiters(t, f.path, 1)
	c.Back(errBack)
	mustCome(t, result, errBack)
	release()
	f.mustBeFree(t)
}

func TestBackWhileBlocked(t *testing.T) {
	for _, how := range []int{unix.LOCK_EX, unix.LOCK_SH} {
		f := newLockFile(t)
		release := f.hold(t)
		for range 20 {
			var c flockwait.Call
			result := make(chan error, 1)
			go func() { result <- c.Lock(f.fd, how) }()
			testproc.AwaitWaiters(t, f.path, 1)
			c.Back(errBack)
			mustCome(t, result, errBack)
			if n := testproc.Waiters(t, f.path); n != 0 {
				t.Errorf("%d threads still wait", n)
			}
			unix.Close(f.fd)
			f.fd = open(t, f.path)
		}
		release()
		f.mustBeFree(t)
	}
}

// The lock was granted, but Lock has not returned. The lock is free as soon as Back has
// returned. Another process has the open file too, like a child between fork and execve.
func TestBackAfterTheGrant(t *testing.T) {
	for _, blocked := range []bool{false, true} {
		t.Run(fmt.Sprint("blocked=", blocked), func(t *testing.T) {
			f := newLockFile(t)
			stop := f.inherit(t)
			defer stop()
			release := func() {}
			if blocked {
				release = f.hold(t)
			}
			var c flockwait.Call
			granted, goOn := make(chan struct{}), make(chan struct{})
			at(t, flockwait.Returned, func(int) { close(granted); <-goOn })
			result := f.lock(&c)
			if blocked {
				testproc.AwaitWaiters(t, f.path, 1)
			}
			release()
			<-granted
			if f.isFree(t) {
				t.Error("the lock was not granted")
			}
			c.Back(errBack)
			f.mustBeFree(t)
			close(goOn)
			mustCome(t, result, errBack)
			f.mustBeFree(t)
		})
	}
}

// The kernel grants the lock after Back has unlocked the file. Lock unlocks the file again.
func TestGrantDuringBack(t *testing.T) {
	f := newLockFile(t)
	stop := f.inherit(t)
	defer stop()
	var c flockwait.Call
	at(t, flockwait.Returned, func(fd int) {
		old, err := unix.Dup(fd) // the open file that the kernel grants the lock to
		if err != nil {
			t.Error(err)
		}
		c.Back(errBack)
		if err := unix.Flock(old, unix.LOCK_EX); err != nil {
			t.Error(err)
		}
		unix.Close(old)
	})
	mustCome(t, f.lock(&c), errBack)
	f.mustBeFree(t)
}

// inherit starts a process that has the open file.
func (f *lockFile) inherit(t testing.TB) (stop func()) {
	t.Helper()
	dup, err := unix.Dup(f.fd)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(dup), f.path)
	defer file.Close()
	cmd := exec.Command("sleep", "1000")
	cmd.ExtraFiles = []*os.File{file}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
}

// After Lock, its descriptor and its thread may have other uses. Back touches neither.
func TestBackAfterLock(t *testing.T) {
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprint("fails=", fails), func(t *testing.T) {
			f := newLockFile(t)
			if fails {
				unix.Close(f.fd)
				fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				f.fd = fd
			}
			at(t, flockwait.Interrupting, func(int) { t.Error("Back sends a signal") })
			var c flockwait.Call
			err := c.Lock(f.fd, unix.LOCK_EX)
			if (err != nil) != fails {
				t.Fatal(err)
			}
			unix.Close(f.fd)
			if other := open(t, f.path+".other"); other != f.fd {
				t.Fatalf("descriptor %d, want %d", other, f.fd)
			}
			if err := unix.Flock(f.fd, unix.LOCK_EX); err != nil {
				t.Fatal(err)
			}
			before := inode(t, f.fd)
			c.Back(errBack)
			if inode(t, f.fd) != before {
				t.Error("Back has replaced another file")
			}
			if other := (&lockFile{path: f.path + ".other"}); other.isFree(t) {
				t.Error("Back has unlocked another file")
			}
			if err := c.Lock(f.fd, unix.LOCK_EX); err == nil {
				t.Error("a Call can be used twice")
			}
		})
	}
}

// The first reason counts, and a second Back does nothing.
func TestBackTwice(t *testing.T) {
	f := newLockFile(t)
	release := f.hold(t)
	var c flockwait.Call
	result := f.lock(&c)
	testproc.AwaitWaiters(t, f.path, 1)
	c.Back(errBack)
	c.Back(errors.New("another reason"))
	mustCome(t, result, errBack)
	c.Back(errors.New("a third reason"))
	release()
	f.mustBeFree(t)
}

// Back comes at a random moment around the release of the lock. Lock returns nil only if it
// has the lock.
func TestBackMeetsGrant(t *testing.T) {
	f := newLockFile(t)
	var granted int
	rounds := testproc.Size(5000, 400)
	for i := range rounds {
		var c flockwait.Call
		release := f.hold(t)
		result := f.lock(&c)
		if i%2 == 0 {
			testproc.AwaitWaiters(t, f.path, 1)
		}
		var both sync.WaitGroup
		both.Go(release)
		both.Go(func() {
			spin(rand.N(100 * time.Microsecond))
			c.Back(errBack)
		})
		err := <-result
		both.Wait()
		switch free := f.isFree(t); {
		case err == nil && free, err != nil && !free:
			t.Fatalf("Lock = %v, and the lock is free: %v", err, free)
		case err == nil:
			granted++
			unix.Flock(f.fd, unix.LOCK_UN)
		default:
			unix.Close(f.fd)
			f.fd = open(t, f.path)
		}
	}
	t.Logf("%d of %d were granted", granted, rounds)
}

// spin waits for d, which may be shorter than the system can sleep.
func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		runtime.Gosched()
	}
}

// If the open file is inherited, a lock that is granted during Back stays, because another
// process may have taken it.
func TestInherited(t *testing.T) {
	f := newLockFile(t)
	c := flockwait.Call{Inherited: true}
	at(t, flockwait.Returned, func(int) { c.Back(errBack) })
	dup, err := unix.Dup(f.fd)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dup)
	mustCome(t, f.lock(&c), nil)
	if f.isFree(t) {
		t.Error("the file was unlocked")
	}
	if err := unix.Flock(dup, unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	f.mustBeFree(t)
}

// While a Call waits, another process locks the file through the same open file. Then the
// Call is called back. The other process keeps its lock.
func TestInheritedIsLockedByAnother(t *testing.T) {
	f := newLockFile(t)
	dup, err := unix.Dup(f.fd)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dup)
	release := f.hold(t)
	c := flockwait.Call{Inherited: true}
	at(t, flockwait.Interrupting, func(int) {
		release()
		if err := unix.Flock(dup, unix.LOCK_EX); err != nil {
			t.Error(err)
		}
	})
	result := f.lock(&c)
	testproc.AwaitWaiters(t, f.path, 1)
	c.Back(errBack)
	if err := <-result; err != nil && err != errBack {
		t.Error(err)
	}
	if f.isFree(t) {
		t.Error("the lock of the other process is lost")
	}
}

// 100 calls that are called back leave no thread in the kernel, and no descriptor.
func TestNothingIsLeft(t *testing.T) {
	f := newLockFile(t)
	release := f.hold(t)
	round := func() {
		const n = 100
		var calls [n]flockwait.Call
		var all sync.WaitGroup
		for i := range calls {
			fd := open(t, f.path)
			all.Go(func() {
				defer unix.Close(fd)
				if err := calls[i].Lock(fd, unix.LOCK_EX); err != errBack {
					t.Error(err)
				}
			})
		}
		testproc.AwaitWaiters(t, f.path, n)
		for i := range calls {
			calls[i].Back(errBack)
		}
		all.Wait()
		if n := testproc.Waiters(t, f.path); n != 0 {
			t.Errorf("%d threads wait", n)
		}
	}
	round() // the Go runtime keeps idle threads for later
	before := threads(t)
	for range testproc.Size(10, 2) {
		round()
	}
	if after := threads(t); after > before+10 {
		t.Errorf("%d threads, and then %d", before, after)
	}
	release()
	f.mustBeFree(t)
}

func threads(t testing.TB) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// A goroutine is locked to its thread after Lock only if it was before. A thread to which a
// goroutine is locked ends with the goroutine.
func TestLockedThreadStaysLocked(t *testing.T) {
	for _, locked := range []bool{false, true} {
		for _, back := range []bool{false, true} {
			t.Run(fmt.Sprintf("locked=%v back=%v", locked, back), func(t *testing.T) {
				f := newLockFile(t)
				release := f.hold(t)
				var c flockwait.Call
				tid := make(chan int)
				go onOtherThread(locked, func() {
					before := unix.Gettid()
					c.Lock(f.fd, unix.LOCK_EX)
					if locked {
						runtime.Gosched()
						if now := unix.Gettid(); now != before {
							t.Errorf("thread %d, and then %d", before, now)
						}
						runtime.UnlockOSThread() // undoes one of the two LockOSThread in onOtherThread
					}
					tid <- unix.Gettid()
				})
				testproc.AwaitWaiters(t, f.path, 1)
				if back {
					c.Back(errBack)
				} else {
					release()
					release = func() {}
				}
				task := fmt.Sprintf("/proc/self/task/%d", <-tid)
				if locked {
					testproc.Until(t, "the thread has ended", func() bool { _, err := os.Stat(task); return err != nil })
				} else {
					for range 20 {
						time.Sleep(time.Millisecond)
						if _, err := os.Stat(task); err != nil {
							t.Fatal("the thread has ended with its goroutine")
						}
					}
				}
				release()
			})
		}
	}
}

// onOtherThread calls do on a thread that is not the main thread, because the main thread
// does not end with its goroutine. With locked, the goroutine is locked to the thread, twice.
func onOtherThread(locked bool, do func()) {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		defer runtime.UnlockOSThread()
		done := make(chan struct{})
		go func() { defer close(done); onOtherThread(locked, do) }()
		<-done
		return
	}
	if locked {
		runtime.LockOSThread()
	} else {
		runtime.UnlockOSThread()
	}
	do()
}
