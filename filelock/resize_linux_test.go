package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// files returns the names in the directory of a semaphore.
func files(t testing.TB, path string) string {
	t.Helper()
	entries, err := os.ReadDir(path)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// mustHave fails the test unless the semaphore has n slots, and n holds are possible.
func mustHave(t testing.TB, path string, n int) {
	t.Helper()
	if got, err := filelock.Slots(path); got != n || err != nil {
		t.Fatalf("%d slots, %v; want %d", got, err, n)
	}
	s := filelock.NewSemaphore(path, n)
	for range n {
		if ok, err := s.TryAcquire(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if ok, err := s.TryAcquire(); ok || err != nil {
		t.Fatalf("one more: %v, %v", ok, err)
	}
	for range n {
		must(t, s.Release())
	}
}

func TestResize(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 2)
	before := filelock.NewSemaphore(path, 2) // has used the directory before
	for _, s := range []*filelock.Semaphore{s, before} {
		must(t, s.With(background, func(context.Context) error { return nil }))
	}
	for _, n := range []int{4, 4, 3, 1, 12, 2} {
		must(t, s.Resize(n))
		if n != 12 {
			want := strings.Join([]string{"1", "2", "3", "4"}[:n], " ") + " slots"
			if got := files(t, path); got != want {
				t.Errorf("%d slots: %s", n, got)
			}
		}
		mustHave(t, path, n)
		for range n {
			if ok, err := before.TryAcquire(); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		if ok, err := before.TryAcquire(); ok || err != nil {
			t.Fatal(ok, err)
		}
		syscall.ForkLock.RLock() // a child that has not called exec yet is a holder, too
		holders, err := before.Holders()
		syscall.ForkLock.RUnlock()
		if len(holders) != n || err != nil {
			t.Fatalf("%d holders, %v", len(holders), err)
		}
		must(t, before.Check())
		for range n {
			must(t, before.Release())
		}
		if _, err := filelock.NewSemaphore(path, n+1).TryAcquire(); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("a new one with another number: %v", err)
		}
	}
	for _, n := range []int{0, -1, 10001} {
		if err := s.Resize(n); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Resize(%d) = %v", n, err)
		}
	}
	mustHave(t, path, 2)
	other := filelock.NewSemaphore(path, 7) // has never agreed
	must(t, other.Resize(3))
	must(t, other.With(background, func(context.Context) error { return nil }))
	mustHave(t, path, 3)
}

// Resize of a semaphore that does not exist makes it; of something else it fails.
func TestResizeOfNothing(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 7)
	must(t, s.Resize(2))
	mustHave(t, path, 2)
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	file := lockPath(t)
	write(t, file, "")
	for _, path := range []string{file, filepath.Join(semPath(t), "missing", "a.sem"), ""} {
		var at *fs.PathError
		if err := filelock.NewSemaphore(path, 1).Resize(2); !errors.As(err, &at) || errors.Is(err, filelock.ErrLocked) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if err := filelock.NewSemaphore(path, 1, filelock.Shared()).Resize(2); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
}

// A held slot is not removed, and the error names it and its holder.
func TestResizeInTheWay(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 5)
	must(t, s.With(background, func(context.Context) error { return nil }))
	holder := startHolder(t, filepath.Join(path, "4")) // as flock(1) would
	err := s.Resize(2)
	var locked *filelock.LockedError
	if !errors.As(err, &locked) || !errors.Is(err, filelock.ErrLocked) || errors.Is(err, context.DeadlineExceeded) ||
		len(locked.Holders) != 1 || locked.Holders[0].PID != holder.PID() || locked.Holders[0].Slot != 4 || locked.Path != path {
		t.Fatalf("Resize = %v, %+v", err, locked)
	}
	if want := fmt.Sprintf("%s cannot have 2 slots: slot 4 is held by pid %d", path, holder.PID()); !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Fatal(err)
	}
	if got := files(t, path); got != "1 2 3 4 5 slots" {
		t.Fatal(got)
	}
	must(t, s.Resize(4))
	if err := s.Resize(3); !errors.Is(err, filelock.ErrLocked) {
		t.Fatal(err)
	}
	release(t, holder)
	must(t, s.Resize(2))
	mustHave(t, path, 2)
	for range 2 { // the slots of the Semaphore itself are in the way, too
		if ok, err := s.TryAcquire(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if err := s.Resize(1); !errors.As(err, &locked) || locked.Holders[0].PID != os.Getpid() {
		t.Fatal(err)
	}
	must(t, s.Resize(3), s.Release(), s.Release())
	mustHave(t, path, 3)
}

// A directory that was removed and created again is another semaphore: a Semaphore does
// not use its number.
func TestResizeOfAnotherDirectory(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 2)
	must(t, s.With(background, func(context.Context) error { return nil }))
	must(t, os.Rename(path, path+".old"))
	must(t, filelock.NewSemaphore(path, 3).Resize(3))
	if _, err := s.TryAcquire(); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "slots is 3, not 2") {
		t.Fatal(err)
	}
	must(t, os.RemoveAll(path), os.Rename(path+".old", path))
	must(t, filelock.NewSemaphore(path, 4).Resize(4))
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

// The new files have the mode of those before, whatever the umask is.
func TestResizeKeepsTheMode(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 1)
	must(t, s.Resize(1))
	must(t, os.Chmod(filepath.Join(path, "slots"), 0o646))
	owner := os.Getuid()
	if owner == 0 {
		owner = 1234
		must(t, os.Chown(filepath.Join(path, "slots"), owner, owner))
	}
	must(t, s.Resize(2))
	for _, name := range []string{"slots", "2"} {
		info, err := os.Stat(filepath.Join(path, name))
		must(t, err)
		if uid := info.Sys().(*syscall.Stat_t).Uid; info.Mode() != 0o646 || int(uid) != owner {
			t.Errorf("%s: %v of %d", name, info.Mode(), uid)
		}
	}
}

// A waiter notices that there are more slots, and takes one; the next one waits for
// all.
func TestResizeWhileWaiting(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	holder := startSlot(t, path, 1)
	holder.Expect("acquire")
	waiter, next := startSlot(t, path, 1), startSlot(t, path, 1)
	awaitSlotWaiter(t, path, 1)
	awaitWaiters(t, filepath.Join(path, ".slots.gate"), 1)
	s := filelock.NewSemaphore(path, 2)
	must(t, s.Resize(2))
	first, last := waiter, next
	select {
	case line := <-waiter.Lines():
		if line != "acquire" {
			t.Fatal(line)
		}
	case line := <-next.Lines():
		if line != "acquire" {
			t.Fatal(line)
		}
		first, last = next, waiter
	}
	awaitSlotWaiter(t, path, 2)
	if err := s.Resize(1); !errors.Is(err, filelock.ErrLocked) {
		t.Fatal(err)
	}
	release(t, first) // the last one gets that slot, or the other one
	last.Expect("acquire")
	holder.Kill()
	last.Kill()
	must(t, s.Resize(1))
	mustHave(t, path, 1)
}

func init() {
	roles["resize"], roles["guest"], roles["resizeas"] = resize, guest, resizeAs
}

// resize DIR N STEP: resizes a semaphore, and kills itself at the step, if there is one.
// If another process resizes the semaphore for too long, it tries again.
func resize(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if args[2] != "" {
		filelock.Once(filelock.ResizeSteps[args[2]], args[0], func() {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			testproc.Forever()
		})
	}
	s := filelock.NewSemaphore(args[0], n)
	err = s.Resize(n)
	for errors.Is(err, filelock.ErrLocked) {
		err = s.Resize(n)
	}
	return err
}

// A process is killed at each step of a Resize. The number is the old or the new one,
// so many holds are possible, and the next Resize works.
func TestResizeKilled(t *testing.T) {
	t.Parallel()
	for step := range filelock.ResizeSteps {
		for _, to := range []int{1, 5} {
			if step == "slots made" && to == 1 || strings.HasPrefix(step, "slot ") && to == 5 || step == "slots locked" && to == 5 {
				continue // it is a step of the other change
			}
			t.Run(fmt.Sprint(step, " to ", to), func(t *testing.T) {
				t.Parallel()
				path := semPath(t)
				user := filelock.NewSemaphore(path, 3)
				must(t, user.With(background, func(context.Context) error { return nil }))
				p := testproc.Start(t, "resize", path, strconv.Itoa(to), step)
				if status := p.Exit(); status != -1 {
					t.Fatalf("exit status %d: %s", status, p.Stderr())
				}
				n := 3
				if step == "number named" || step == "slot removed" {
					n = to
				}
				mustHave(t, path, n)
				if ok, err := user.TryAcquire(); !ok || err != nil {
					t.Fatal(ok, err)
				}
				must(t, user.Release())
				for _, n := range []int{6, 2} {
					testproc.Start(t, "resize", path, strconv.Itoa(n), "").Wait()
					mustHave(t, path, n)
				}
				if got := files(t, path); got != "1 2 slots" {
					t.Error(got)
				}
			})
		}
	}
}

// The directory is replaced in the middle of a Resize: the new one does not change.
func TestResizeWhileReplaced(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"slots locked", "number written", "number named"} {
		path := semPath(t)
		s := filelock.NewSemaphore(path, 3)
		must(t, s.Resize(3))
		filelock.At(t, filelock.ResizeSteps[step], path, func() {
			must(t, os.Rename(path, path+".old"))
			must(t, filelock.NewSemaphore(path, 3).Resize(3))
		})
		s.Resize(1)
		if got := files(t, path); got != "1 2 3 slots" {
			t.Errorf("%s: %s", step, got)
		}
		mustHave(t, path, 3)
	}
}

// The directory is replaced just before it is locked, or a slot of it: neither the old
// nor the new directory changes.
func TestResizeBetweenTwoDirectories(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"resize.lock", "3", "2"} {
		path := semPath(t)
		s := filelock.NewSemaphore(path, 3)
		must(t, s.Resize(3))
		filelock.At(t, filelock.Opening, filepath.Join(path, name), func() {
			must(t, os.Rename(path, path+".old"))
			must(t, filelock.NewSemaphore(path, 3).Resize(3))
		})
		if err := s.Resize(1); err == nil || !strings.Contains(err.Error(), "replaced") {
			t.Errorf("%s: %v", name, err)
		}
		mustHave(t, path, 3)
		mustHave(t, path+".old", 3)
	}
}

// Many processes resize at once: one after the other.
func TestResizeAtOnce(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	must(t, filelock.NewSemaphore(path, 3).Resize(3))
	var all []*testproc.Proc
	for i := range 12 {
		all = append(all, testproc.Start(t, "resize", path, strconv.Itoa(i%4+1), ""))
	}
	for _, p := range all {
		p.Wait()
	}
	n, err := filelock.Slots(path)
	must(t, err)
	mustHave(t, path, n)
	if got, want := files(t, path), strings.Join([]string{"1", "2", "3", "4"}[:n], " ")+" slots"; got != want {
		t.Errorf("%d slots: %s", n, got)
	}
}

// A Resize that has stopped in the middle makes others wait, but not for ever.
func TestResizeBehindAnother(t *testing.T) {
	// Not parallel: the time is common to all Resizes.
	filelock.SetResizeWait(t, 50*time.Millisecond)
	path := semPath(t)
	s := filelock.NewSemaphore(path, 2)
	must(t, s.Resize(2))
	lock := filepath.Join(path, "resize.lock")
	holder := startHolder(t, lock)
	err := s.Resize(3)
	var locked *filelock.LockedError
	if !errors.As(err, &locked) || locked.Path != lock || !strings.Contains(err.Error(), strconv.Itoa(holder.PID())) {
		t.Fatalf("Resize = %v", err)
	}
	if errors.Is(err, context.DeadlineExceeded) { // there was no context
		t.Errorf("Resize = %v", err)
	}
	mustHave(t, path, 2) // acquiring is not disturbed
	must(t, s.Resize(2)) // nor is what changes nothing
	holder.Kill()
	must(t, s.Resize(3))
	mustHave(t, path, 3)
	if got := files(t, path); got != "1 2 3 slots" {
		t.Error(got)
	}
}

// A process is about to open a slot when the semaphore shrinks. It locks a file that
// does not count any more, gives it back, and goes on with the slots that are left.
func TestResizeWhileOpening(t *testing.T) {
	t.Parallel()
	for _, left := range []bool{false, true} { // whether the slot that stays is free
		path := semPath(t)
		other, s := filelock.NewSemaphore(path, 1), filelock.NewSemaphore(path, 2)
		must(t, other.Resize(1))
		if ok, err := other.TryAcquire(); !ok || err != nil {
			t.Fatal(ok, err)
		}
		must(t, s.Resize(2))
		filelock.At(t, filelock.Opening, filepath.Join(path, "2"), func() {
			must(t, other.Resize(1))
			if left {
				must(t, other.Release())
			}
		})
		if ok, err := s.TryAcquire(); ok != left || err != nil {
			t.Fatalf("TryAcquire = %v, %v", ok, err)
		}
		if left {
			must(t, s.Check(), s.Release())
		} else {
			must(t, other.Release())
		}
		mustHave(t, path, 1)
	}
}

// guest DIR N MOST ROOM: enters a room all the time, until it hears a line, and fails
// if it meets more than MOST.
func guest(args []string) error {
	var n, most int
	if _, err := fmt.Sscan(args[1]+" "+args[2], &n, &most); err != nil {
		return err
	}
	s := filelock.NewSemaphore(args[0], n)
	var over atomic.Bool
	for i := 0; !over.Load(); i++ {
		err := s.With(background, func(context.Context) error {
			return enter(args[3], most, s.Check)
		})
		if err != nil {
			return err
		}
		if i == 0 { // it has agreed to the number
			fmt.Println("in")
			go func() {
				testproc.Hear()
				over.Store(true)
			}()
		}
	}
	fmt.Println("out")
	return nil
}

// Real processes use the semaphore while it grows and shrinks: there are never more
// than the larger number, and not more than the new one when Resize has returned.
func TestResizeWhileUsed(t *testing.T) {
	t.Parallel()
	const few, many = 2, 5
	path, room := semPath(t), t.TempDir()
	s := filelock.NewSemaphore(path, few)
	must(t, s.Resize(few))
	var guests []*testproc.Proc
	for range 6 {
		p := testproc.Start(t, "guest", path, strconv.Itoa(few), strconv.Itoa(many), room)
		p.Expect("in")
		guests = append(guests, p)
	}
	inRoom := func() int {
		in, err := os.ReadDir(room)
		must(t, err)
		return len(in)
	}
	for range 3 {
		must(t, s.Resize(many))
		testproc.Until(t, "the new slots are used", func() bool { return inRoom() > few })
		testproc.Until(t, "the last slots are free", func() bool {
			err := s.Resize(few)
			if err != nil && !errors.Is(err, filelock.ErrLocked) {
				t.Fatal(err)
			}
			return err == nil
		})
		for range 100 {
			if n := inRoom(); n > few {
				t.Fatalf("%d are in the room", n)
			}
		}
	}
	for _, p := range guests {
		p.Send("stop")
	}
	for _, p := range guests {
		p.Expect("out")
		p.Wait()
	}
	mustHave(t, path, few)
}

// Many goroutines use one Semaphore while others resize it.
func TestResizeInOneProcess(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 1)
	must(t, s.Resize(1))
	var in, over atomic.Int32
	var users, resizers sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for over.Load() == 0 {
				err := s.With(background, func(context.Context) error {
					if n := in.Add(1); n > 3 {
						return fmt.Errorf("%d at once", n)
					}
					in.Add(-1)
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for _, sizes := range [][]int{{3, 1}, {2, 1}, {3, 2}} {
		resizers.Go(func() {
			for i := range 10 {
				if err := s.Resize(sizes[i%2]); err != nil && !errors.Is(err, filelock.ErrLocked) {
					t.Error(err)
				}
			}
		})
	}
	resizers.Wait()
	over.Store(1)
	users.Wait()
	n, err := filelock.Slots(path)
	must(t, err)
	if !slices.Contains([]int{1, 2, 3}, n) {
		t.Error(n)
	}
	mustHave(t, path, n)
}

// resizeAs UID DIR N: resizes as another user, and says what happened.
func resizeAs(args []string) error {
	uid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid)); err != nil {
		return err
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	err = filelock.NewSemaphore(args[1], n).Resize(n)
	fmt.Println(errors.Is(err, fs.ErrPermission), err)
	return nil
}

// Without permission to write in the directory, Resize fails with ErrPermission. To
// resize to the same number needs no permission.
func TestResizeMayNot(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	base, err := os.MkdirTemp("", "resize")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(base) })
	path := filepath.Join(base, "a.sem")
	must(t, os.Chmod(base, 0o755), filelock.NewSemaphore(path, 3).Resize(3), os.Chmod(path, 0o755))
	for n, want := range map[string]string{
		"3": "false <nil>",
		"2": "true resize " + path + ": the number of slots cannot be changed to 2: permission denied",
		"4": "true resize " + path + ": the number of slots cannot be changed to 4: permission denied",
	} {
		p := testproc.Start(t, "resizeas", "65534", path, n)
		p.Expect(want)
		p.Wait()
	}
	if got := files(t, path); got != "1 2 3 slots" {
		t.Error(got)
	}
	mustHave(t, path, 3)
}

// A waiter behind a stopped waiter gets a slot that a Resize has added.
func TestGrowBehindAStoppedHead(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 1)
	must(t, s.Acquire(background))
	head := startSlot(t, path, 1)
	awaitWaiters(t, filepath.Join(path, "1"), 1)
	next := filelock.NewSemaphore(path, 1)
	result := make(chan error, 1)
	go func() { result <- next.Acquire(background) }()
	awaitWaiters(t, filepath.Join(path, ".slots.gate"), 1)
	goOn := head.Halt()
	must(t, s.Resize(2))
	filelock.Check(t, path)
	select {
	case err := <-result:
		must(t, err)
	case <-time.After(testproc.Patience):
		t.Error("it waits on")
	}
	goOn()
}

// So does the last try at a deadline.
func TestGrowBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 1)
	must(t, s.Acquire(background))
	ctx, expire := context.WithCancel(background)
	result := make(chan error, 1)
	go func() { result <- s.Acquire(expiring{ctx}) }()
	awaitWaiters(t, filepath.Join(path, "1"), 1)
	filelock.StopChecks(t, path)
	must(t, filelock.NewSemaphore(path, 1).Resize(2))
	expire()
	if err := <-result; err != nil {
		t.Errorf("Acquire = %v, although a slot is free", err)
	}
}

// An expiring context ends as if at its deadline.
type expiring struct{ context.Context }

func (e expiring) Err() error {
	if e.Context.Err() == nil {
		return nil
	}
	return context.DeadlineExceeded
}

// A waiter that gets a slot which does not count any more begins again. That is still one
// wait, so the function of OnWait is called once.
func TestResizeDuringWaitIsOneWait(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	must(t, filelock.NewSemaphore(path, 2).Resize(2))
	var slots []*filelock.Lock
	for _, name := range []string{"1", "2"} {
		l := filelock.New(filepath.Join(path, name))
		mustAcquire(t, l)
		slots = append(slots, l)
	}
	var calls atomic.Int32
	s := filelock.NewSemaphore(path, 2, filelock.OnWait(func() { calls.Add(1) }))
	result := acquire(s)
	awaitSlotWaiter(t, path, 2)
	number := filepath.Join(path, "slots")
	write(t, number+".new", "1\n") // as Resize does it
	must(t, os.Rename(number+".new", number))
	mustRelease(t, slots[1])
	awaitSlotWaiter(t, path, 1)
	mustRelease(t, slots[0])
	mustGet(t, result)
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	must(t, s.Release())
}
