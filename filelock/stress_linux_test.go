package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

func init() { roles["stress"] = stress }

// A room is memory that processes share. A holder that is in the room notices it if there
// are too many. In the room of a lock, a process that is killed does not disturb the others.
type room struct {
	holder  *atomic.Uint64 // the last holder of a lock that came
	inside  *atomic.Int64  // how many holders of slots are in the room
	givenUp *atomic.Int64  // how many waits all processes have given up
	places  int            // for the slots of a semaphore; 0 = the room is for a lock
}

func openRoom(path string, places int) (room, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return room{}, err
	}
	defer f.Close()
	if err := f.Truncate(24); err != nil {
		return room{}, err
	}
	shared, err := unix.Mmap(int(f.Fd()), 0, 24, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return room{}, err
	}
	return room{(*atomic.Uint64)(unsafe.Pointer(&shared[0])), (*atomic.Int64)(unsafe.Pointer(&shared[8])),
		(*atomic.Int64)(unsafe.Pointer(&shared[16])), places}, nil
}

// visit is the critical section.
func (r room) visit() error {
	stay := func() { spin(rand.N(20 * time.Microsecond)) }
	if r.places > 0 {
		n := r.inside.Add(1)
		stay()
		r.inside.Add(-1)
		if n > int64(r.places) {
			return fmt.Errorf("%d slots are held at the same time", n)
		}
		return nil
	}
	me := rand.Uint64()
	r.holder.Store(me)
	stay()
	if r.holder.Load() != me {
		return errors.New("two processes hold the lock at the same time")
	}
	return nil
}

// stress PATH PLACES ROOM: until it hears a line, goroutines acquire a lock, or a semaphore
// if PLACES is not 0, and give up at random moments. Afterwards no goroutine and no thread
// may be left. It prints how many waits got the lock.
func stress(args []string) error {
	places, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	r, err := openRoom(args[2], places)
	if err != nil {
		return err
	}
	signal.Notify(make(chan os.Signal, 1), unix.SIGURG)
	before := runtime.NumGoroutine()
	var grants atomic.Int64
	var over atomic.Bool
	var all sync.WaitGroup
	failed := make(chan error, 3)
	for range cap(failed) {
		all.Go(func() {
			for !over.Load() {
				switch ok, err := visitOnce(args[0], r); {
				case err != nil:
					failed <- err
					return
				case ok:
					grants.Add(1)
				default:
					r.givenUp.Add(1)
				}
			}
		})
	}
	fmt.Println("ready")
	testproc.Hear()
	over.Store(true)
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
	}
	for end := time.Now().Add(testproc.Patience); runtime.NumGoroutine() > before+1 || filelock.Blocked() > 0; time.Sleep(time.Millisecond) { // +1 for the goroutine of os/signal
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			return fmt.Errorf("goroutines are left: %s", buf[:runtime.Stack(buf, true)])
		}
	}
	fmt.Println(grants.Load())
	testproc.Hear()
	return nil
}

// visitOnce reports whether it got the lock, so that it was in the room.
func visitOnce(path string, r room) (bool, error) {
	var l acquirer = filelock.New(path)
	if r.places > 0 {
		l = filelock.NewSemaphore(path, r.places)
	}
	ctx, cancel := context.WithCancel(background)
	timer := time.AfterFunc(rand.N(300*time.Microsecond), cancel)
	err := l.Acquire(ctx)
	timer.Stop()
	cancel()
	switch {
	case err == nil:
		return true, errors.Join(r.visit(), l.Release())
	case errors.Is(err, context.Canceled):
		return false, nil
	}
	return false, err
}

// Waits are given up at random moments, while locks are released, and while other waiters are
// killed, stopped and continued. There are never two holders, no waiter waits for ever, and
// nothing is left afterwards.
func TestStress(t *testing.T) {
	for name, places := range map[string]int{"lock": 0, "semaphore": 2} {
		t.Run(name, func(t *testing.T) {
			testStress(t, places)
		})
	}
}

func testStress(t *testing.T, places int) {
	const enough = 500                             // how many waits must be given up, also on a busy machine
	wanted := int64(testproc.Size(50_000, enough)) // how many there are if the machine has the time
	dir := t.TempDir()
	path, shared := filepath.Join(dir, "a.lock"), filepath.Join(t.TempDir(), "room")
	r, err := openRoom(shared, places)
	must(t, err)
	args := []string{path, strconv.Itoa(places), shared}
	start := func(env string) *testproc.Proc {
		cmd := testproc.RoleCmd("stress", args...)
		cmd.Env = append(cmd.Env, env)
		p := testproc.StartCmd(t, cmd)
		p.Expect("ready")
		return p
	}
	workers := []*testproc.Proc{start("GOMAXPROCS=2"), start("GOMAXPROCS=1")}
	stopped := start("GOMAXPROCS=2")
	rounds := 0
	for end := time.Now().Add(testproc.Patience); r.givenUp.Load() < wanted && time.Now().Before(end); rounds++ {
		stopped.Signal(syscall.SIGSTOP)
		time.Sleep(rand.N(3 * time.Millisecond))
		stopped.Signal(syscall.SIGCONT)
		time.Sleep(rand.N(10 * time.Millisecond))
		if places == 0 && rounds%20 == 0 { // a process that is killed would stay in the room of a semaphore
			victim := start("GOMAXPROCS=1")
			time.Sleep(rand.N(5 * time.Millisecond))
			victim.Kill()
		}
	}
	workers = append(workers, stopped)
	for _, w := range workers {
		w.Send("end")
	}
	grants := 0
	for _, w := range workers {
		g, err := strconv.Atoi(w.Line())
		must(t, err)
		grants += g
		testproc.Until(t, "the process has no file open any more", func() bool { return filesIn(t, w.PID(), dir) == "" })
	}
	t.Logf("%d waits were given up, %d got the lock, in %d rounds", r.givenUp.Load(), grants, rounds)
	if n := r.givenUp.Load(); n < enough {
		t.Errorf("%d waits were given up, want %d", n, enough)
	}
	mustBeQuiet(t, dir, path, places)
}

// mustBeQuiet fails the test unless the lock is free, no thread waits for it, and there are
// no other files.
func mustBeQuiet(t *testing.T, dir, path string, places int) {
	t.Helper()
	files, last := []string{path}, "a.lock"
	if places > 0 {
		files, last = nil, "slots"
		dir = path
	}
	for i := range places {
		files = append(files, filepath.Join(path, strconv.Itoa(i+1)))
	}
	for _, f := range files {
		if n := testproc.Waiters(t, f); n != 0 {
			t.Errorf("%d threads wait for %s", n, f)
		}
		l := filelock.New(f)
		mustTry(t, l, true)
		mustRelease(t, l)
	}
	testproc.Until(t, "there are only the files of the lock", func() bool {
		entries, err := os.ReadDir(dir)
		must(t, err)
		return len(entries) == max(1, places+1) && entries[len(entries)-1].Name() == last
	})
}

// filesIn returns the files in a directory that a process has open.
func filesIn(t *testing.T, pid int, dir string) (found string) {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	must(t, err)
	for _, link := range links {
		if to, _ := os.Readlink(link); len(to) > len(dir) && to[:len(dir)] == dir {
			found += to + " "
		}
	}
	return found
}
