package filelock_test

import (
	"context"
	"encoding/binary"
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
	"golang.org/x/sys/unix"
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
		mustTry(t, s, true)
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
	before := filelock.NewSemaphore(path, 2) // will have used the directory before the Resize
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
			mustTry(t, before, true)
		}
		mustTry(t, before, false)
		var holders []filelock.Holder
		var err error
		testproc.BetweenForks(func() { holders, err = before.Holders() })
		if len(holders) != n || err != nil {
			t.Fatalf("%d holders, %v", len(holders), err)
		}
		must(t, before.Check())
		for range n {
			must(t, before.Release())
		}
		if _, err := filelock.NewSemaphore(path, n+1).TryAcquire(); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("a new Semaphore with another number: %v", err)
		}
	}
	for _, n := range []int{0, -1, 10001} {
		if err := s.Resize(n); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Resize(%d) = %v", n, err)
		}
	}
	mustHave(t, path, 2)
	other := filelock.NewSemaphore(path, 7) // was made with another number
	must(t, other.Resize(3))
	must(t, other.With(background, func(context.Context) error { return nil }))
	mustHave(t, path, 3)
}

// Resize creates a semaphore that does not exist. It fails if it cannot create the
// directory.
func TestResizeOfNothing(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 7)
	must(t, s.Resize(2))
	mustHave(t, path, 2)
	mustTry(t, s, true)
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
func TestResizeNeedsFreeSlots(t *testing.T) {
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
	for range 2 { // slots of s itself that are held are not removed either
		mustTry(t, s, true)
	}
	if err := s.Resize(1); !errors.As(err, &locked) || locked.Holders[0].PID != os.Getpid() {
		t.Fatal(err)
	}
	must(t, s.Resize(3), s.Release(), s.Release())
	mustHave(t, path, 3)
}

// A directory that was removed and created again is another semaphore. A Semaphore that has
// used the old directory does not use the number of the new one.
func TestResizeOfAnotherDirectory(t *testing.T) {
	t.Parallel()
	path, s := newSemaphore(t, 2)
	replaceSemaphore(t, path, 3)
	if _, err := s.TryAcquire(); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "slots is 3, not 2") {
		t.Fatal(err)
	}
	must(t, os.RemoveAll(path), os.Rename(path+".old", path))
	must(t, filelock.NewSemaphore(path, 4).Resize(4))
	mustTry(t, s, true)
}

// New files have the mode and the owner of the file slots, whatever the umask is.
func TestResizeKeepsTheMode(t *testing.T) {
	t.Parallel()
	path, s := newSemaphore(t, 1)
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
			t.Errorf("%s has mode %v and owner %d", name, info.Mode(), uid)
		}
	}
}

// A waiter notices that there are more slots, and takes one. The next waiter waits for all
// of them.
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
	first, last := firstOf(t, waiter, next)
	awaitSlotWaiter(t, path, 2)
	if err := s.Resize(1); !errors.Is(err, filelock.ErrLocked) {
		t.Fatal(err)
	}
	release(t, first)
	last.Expect("acquire")
	holder.Kill()
	last.Kill()
	must(t, s.Resize(1))
	mustHave(t, path, 1)
}

func init() {
	roles["resize"], roles["guest"], roles["resizeonce"] = resize, guest, resizeOnce
}

// resize DIR N STEP: resizes a semaphore, and kills itself at the step, if STEP is not empty.
// It tries again as long as another process resizes the semaphore.
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

// A process is killed at each step of a Resize. The number of slots is the old or the new
// one, and the next Resize works.
func TestResizeKilled(t *testing.T) {
	t.Parallel()
	for step := range filelock.ResizeSteps {
		for _, to := range []int{1, 5} {
			if step == "slots made" && to == 1 || strings.HasPrefix(step, "slot ") && to == 5 || step == "slots locked" && to == 5 {
				continue // only growing, or only shrinking, has this step
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
				mustTry(t, user, true)
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

// replaceSemaphore renames the directory of a semaphore, and creates a new semaphore.
func replaceSemaphore(t testing.TB, path string, slots int) {
	t.Helper()
	must(t, os.Rename(path, path+".old"), filelock.NewSemaphore(path, slots).Resize(slots))
}

// The directory is replaced in the middle of a Resize: the new directory does not change.
func TestResizeWhileReplaced(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"slots locked", "number written", "number named"} {
		path, s := newSemaphore(t, 3)
		filelock.At(t, filelock.ResizeSteps[step], path, func() { replaceSemaphore(t, path, 3) })
		s.Resize(1)
		if got := files(t, path); got != "1 2 3 slots" {
			t.Errorf("%s: %s", step, got)
		}
		mustHave(t, path, 3)
	}
}

// The directory is replaced just before Resize opens one of its files: neither the old nor
// the new directory changes.
func TestResizeBetweenTwoDirectories(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"resize.lock", "3", "2"} {
		path, s := newSemaphore(t, 3)
		filelock.At(t, filelock.Opening, filepath.Join(path, name), func() { replaceSemaphore(t, path, 3) })
		if err := s.Resize(1); err == nil || !strings.Contains(err.Error(), "replaced") {
			t.Errorf("%s: %v", name, err)
		}
		for _, path := range []string{path, path + ".old"} {
			mustHave(t, path, 3)
			must(t, filelock.NewSemaphore(path, 3).Resize(2)) // nothing is left locked
		}
	}
}

// Many processes resize at once: one after the other.
func TestResizeAtOnce(t *testing.T) {
	t.Parallel()
	path, _ := newSemaphore(t, 3)
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

// A Resize behind another one that does not end returns an error after some time.
func TestResizeBehindAnother(t *testing.T) {
	// Not parallel: all calls of Resize have the same time limit.
	filelock.SetResizeWait(t, 50*time.Millisecond)
	path, s := newSemaphore(t, 2)
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
	mustHave(t, path, 2) // Acquire does not wait for the Resize
	must(t, s.Resize(2)) // neither does a Resize that changes nothing
	holder.Kill()
	must(t, s.Resize(3))
	mustHave(t, path, 3)
	if got := files(t, path); got != "1 2 3 slots" {
		t.Error(got)
	}
}

// A process is about to open a slot when the semaphore shrinks. It locks a slot that does
// not count any more, releases it, and goes on with the slots that are left.
func TestResizeWhileOpening(t *testing.T) {
	t.Parallel()
	for _, left := range []bool{false, true} { // whether the slot that stays is free
		path, other := newSemaphore(t, 1)
		s := filelock.NewSemaphore(path, 2)
		mustTry(t, other, true)
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

// guest DIR N MOST ROOM: enters a room again and again, until it hears a line. It fails if
// more than MOST processes are in the room.
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
		if i == 0 { // s has used the directory, and will use a new number of slots
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

// Processes use the semaphore while it grows and shrinks. There are never more holders than
// the larger number of slots. After Resize has returned, there are not more than the new
// number.
func TestResizeWhileUsed(t *testing.T) {
	t.Parallel()
	const few, many = 2, 5
	path, s := newSemaphore(t, few)
	room := t.TempDir()
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
				t.Fatalf("%d processes are in the room", n)
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
	path, s := newSemaphore(t, 1)
	var in, over atomic.Int32
	var users, resizers sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for over.Load() == 0 {
				err := s.With(background, func(context.Context) error {
					if n := in.Add(1); n > 3 {
						return fmt.Errorf("%d holders at once", n)
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

// resizeOnce DIR N: resizes a semaphore, and prints the result.
func resizeOnce(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	err = filelock.NewSemaphore(args[0], n).Resize(n)
	fmt.Println(errors.Is(err, fs.ErrPermission), err)
	return nil
}

// Without permission to write in the directory, Resize fails with ErrPermission. A Resize to
// the same number needs no permission.
func TestResizeMayNot(t *testing.T) {
	t.Parallel()
	path := filepath.Join(publicDir(t), "a.sem")
	must(t, filelock.NewSemaphore(path, 3).Resize(3), os.Chmod(path, 0o755))
	for n, want := range map[string]string{
		"3": "false <nil>",
		"2": "true resize " + path + ": the number of slots cannot be changed to 2: permission denied",
		"4": "true resize " + path + ": the number of slots cannot be changed to 4: permission denied",
	} {
		p := startAsNobody(t, "resizeonce", path, n)
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
	result := acquire(filelock.NewSemaphore(path, 1))
	awaitWaiters(t, filepath.Join(path, ".slots.gate"), 1)
	goOn := head.Halt()
	must(t, s.Resize(2))
	filelock.Check(t, path)
	mustGet(t, result)
	goOn()
}

// The last try at a deadline gets a slot that a Resize has added.
func TestGrowBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 1)
	must(t, s.Acquire(background))
	ctx, expire := context.WithCancel(background)
	result := acquireUntil(expiring{ctx}, s)
	awaitWaiters(t, filepath.Join(path, "1"), 1)
	filelock.StopChecks(t, path)
	must(t, filelock.NewSemaphore(path, 1).Resize(2))
	expire()
	if err := await(t, result); err != nil {
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
// wait, so Acquire calls the function of OnWait once.
func TestResizeDuringWaitIsOneWait(t *testing.T) {
	t.Parallel()
	path, slots := heldSlots(t, 2)
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

// Resize removes its lock file while the file is locked. After the release it could be the
// lock file of the next Resize.
func TestResizeRemovesItsLockFileFirst(t *testing.T) {
	t.Parallel()
	path, s := newSemaphore(t, 1)
	reports := testproc.ReportsOf(t, unix.IN_DELETE|unix.IN_CLOSE, path)
	var err error
	testproc.BetweenForks(func() { err = s.Resize(2) }) // a child would have the file open for longer
	must(t, err)
	removed, closed := -1, -1
	for i, all := 0, reports(); len(all) > 0; i++ {
		mask := binary.NativeEndian.Uint32([]byte(all[4:]))
		size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32([]byte(all[12:])))
		name := strings.TrimRight(all[unix.SizeofInotifyEvent:size], "\x00")
		all = all[size:]
		switch {
		case name != "resize.lock":
		case mask&unix.IN_DELETE != 0:
			removed = i
		default:
			closed = i
		}
	}
	if removed < 0 || closed < removed {
		t.Errorf("removed by report %d, and closed by report %d", removed, closed)
	}
}
