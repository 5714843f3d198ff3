package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func init() {
	roles["slot"] = slot
	roles["crowd"] = crowd
}

// slot DIR N: for each line that it hears, "acquire" or "release", it calls the method and
// prints the line.
func slot(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s := filelock.NewSemaphore(args[0], n)
	for {
		line, err := testproc.Hear()
		if err != nil {
			return nil
		}
		if line == "acquire" {
			err = s.Acquire(context.Background())
		} else {
			err = s.Release()
		}
		if err != nil {
			return err
		}
		fmt.Println(line)
	}
}

// crowd DIR N ROOM TIMES: enters a room for N processes, and fails if there are more.
func crowd(args []string) error {
	var n, times int
	if _, err := fmt.Sscan(args[1]+" "+args[3], &n, &times); err != nil {
		return err
	}
	s := filelock.NewSemaphore(args[0], n)
	for range times {
		err := s.With(background, func(context.Context) error { return enter(args[2], n, s.Check) })
		if err != nil {
			return err
		}
	}
	return nil
}

// enter puts a file into the room, calls check, and removes the file. It fails if there
// are more files than most.
func enter(room string, most int, check func() error) error {
	self := filepath.Join(room, strconv.Itoa(os.Getpid()))
	if err := os.WriteFile(self, nil, 0o666); err != nil {
		return err
	}
	in, err := os.ReadDir(room)
	if err == nil && len(in) > most {
		err = fmt.Errorf("%d processes are in the room", len(in))
	}
	return errors.Join(err, check(), os.Remove(self))
}

func semPath(t testing.TB) string { return filepath.Join(t.TempDir(), "a.sem") }

// newSemaphore creates a semaphore.
func newSemaphore(t testing.TB, n int) (path string, s *filelock.Semaphore) {
	t.Helper()
	path = semPath(t)
	s = filelock.NewSemaphore(path, n)
	must(t, s.Resize(n))
	return path, s
}

// holdSlots returns a Semaphore that holds all its slots.
func holdSlots(t testing.TB, n int) (path string, s *filelock.Semaphore) {
	t.Helper()
	path = semPath(t)
	s = filelock.NewSemaphore(path, n)
	for range n {
		mustTry(t, s, true)
	}
	return path, s
}

// startSlot starts a process that acquires a slot.
func startSlot(t testing.TB, path string, n int) *testproc.Proc {
	t.Helper()
	p := testproc.Start(t, "slot", path, strconv.Itoa(n))
	p.Send("acquire")
	return p
}

// firstOf waits until one of two waiters has a slot, and returns this one first.
func firstOf(t testing.TB, a, b *testproc.Proc) (first, last *testproc.Proc) {
	t.Helper()
	var line string
	select {
	case line = <-a.Lines():
		first, last = a, b
	case line = <-b.Lines():
		first, last = b, a
	}
	if line != "acquire" {
		t.Fatal(line)
	}
	return first, last
}

// awaitSlotWaiter waits until a waiter waits for each of the n slots.
func awaitSlotWaiter(t testing.TB, path string, n int) {
	t.Helper()
	if testproc.Polls() {
		awaitWaiters(t, filepath.Join(path, "slots"), 1)
		return
	}
	testproc.Until(t, fmt.Sprintf("a waiter waits for each of %d slots", n), func() bool {
		sum := 0
		for i := range n {
			sum += testproc.Waiters(t, filepath.Join(path, strconv.Itoa(i+1)))
		}
		return sum == n
	})
}

func TestSemaphoreLetsNIn(t *testing.T) {
	t.Parallel()
	path, room := semPath(t), t.TempDir()
	var all []*testproc.Proc
	for range 8 {
		all = append(all, testproc.Start(t, "crowd", path, "3", room, "30"))
	}
	for _, p := range all {
		p.Wait()
	}
}

func TestSemaphoreInOneProcess(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	one, two := filelock.NewSemaphore(path, 3), filelock.NewSemaphore(path, 3)
	for _, s := range []*filelock.Semaphore{one, two, one} {
		mustTry(t, s, true)
	}
	mustTry(t, two, false)
	start := time.Now()
	if ok, err := two.TryAcquireFor(50 * time.Millisecond); ok || err != nil || time.Since(start) < 50*time.Millisecond {
		t.Fatal(ok, err, time.Since(start))
	}
	mustRelease(t, two)
	if err := two.Release(); !errors.Is(err, filelock.ErrNotHeld) {
		t.Fatalf("Release of nothing = %v", err)
	}
	mustTry(t, one, true)
	testproc.Until(t, "this process is seen to hold three slots", func() bool {
		holders, err := one.Holders()
		return err == nil && len(holders) == 3 && holders[0].PID == os.Getpid()
	})
	if err := timedOut(two.Acquire); !errors.Is(err, filelock.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Acquire = %v", err)
	}
	f, err := one.File()
	must(t, err)
	f.Close()
	for range 2 {
		mustRelease(t, one)
	}
	must(t, two.With(background, func(context.Context) error { return nil }))
}

// A waiter gets the slot that becomes free, whichever it is. If a holder is killed, only its
// own slot becomes free.
func TestSemaphoreWaitsForAnySlot(t *testing.T) {
	t.Parallel()
	const n = 3
	for i := range n {
		for _, how := range []string{"release", "kill"} {
			t.Run(fmt.Sprint(how, i), func(t *testing.T) {
				t.Parallel()
				path := semPath(t)
				var holders []*testproc.Proc
				for range n {
					p := startSlot(t, path, n)
					p.Expect("acquire")
					holders = append(holders, p)
				}
				waiter, next := startSlot(t, path, n), startSlot(t, path, n)
				awaitSlotWaiter(t, path, n)
				awaitWaiters(t, filepath.Join(path, ".slots.gate"), 1)
				if how == "kill" {
					holders[i].Kill()
				} else {
					release(t, holders[i])
				}
				first, last := firstOf(t, waiter, next) // either came to the gate first
				last.Silent()
				first.Kill()
				last.Expect("acquire")
			})
		}
	}
}

func TestSemaphoreOfAnotherSize(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	three := filelock.NewSemaphore(path, 3)
	mustTry(t, three, true)
	for _, err := range []error{
		filelock.NewSemaphore(path, 4).Acquire(background),
		errorOf(filelock.NewSemaphore(path, 2).TryAcquire()),
		errorOf(filelock.NewSemaphore(path, 2).Holders()),
	} {
		if !errors.Is(err, fs.ErrInvalid) || errors.Is(err, filelock.ErrLocked) ||
			!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "slots is 3, not ") {
			t.Errorf("semaphore of another size: %v", err)
		}
	}
	for _, s := range []*filelock.Semaphore{
		filelock.NewSemaphore(semPath(t), 0), filelock.NewSemaphore(semPath(t), -1), filelock.NewSemaphore(semPath(t), 10001),
		filelock.NewSemaphore(semPath(t), 1, filelock.Shared()),
	} {
		if ok, err := s.TryAcquire(); ok || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: %v, %v", s.Path(), ok, err)
		}
		if _, err := os.Stat(s.Path()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was created", s.Path())
		}
	}
	var all sync.WaitGroup // if many goroutines come at once with two different sizes, one size counts
	path, failed := semPath(t), make(chan error, 20)
	for i := range 20 {
		all.Go(func() {
			_, err := filelock.NewSemaphore(path, i%2+1).TryAcquire()
			failed <- err
		})
	}
	all.Wait()
	close(failed)
	wrong := 0
	for err := range failed {
		if errors.Is(err, fs.ErrInvalid) {
			wrong++
		} else if err != nil {
			t.Error(err)
		}
	}
	if wrong != 10 {
		t.Errorf("%d of 20 got an error about the number of slots, want 10", wrong)
	}
}

// A file slots without a valid number is an error, and does not change.
func TestSemaphoreSlotsFile(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]error{
		"2\n": nil, "02\n": fs.ErrInvalid,
		"": fs.ErrInvalid, "2": fs.ErrInvalid, "x": fs.ErrInvalid, "2\n2\n": fs.ErrInvalid, "0\n": fs.ErrInvalid, "-2\n": fs.ErrInvalid,
		"10001\n": fs.ErrInvalid, "99999999999999999999999999999999999\n": fs.ErrInvalid,
	} {
		path := semPath(t)
		must(t, os.Mkdir(path, 0o777))
		file := filepath.Join(path, "slots")
		must(t, os.WriteFile(file, []byte(content), 0o666))
		ok, err := filelock.NewSemaphore(path, 2).TryAcquire()
		if ok != (want == nil) || !errors.Is(err, want) {
			t.Errorf("slots %q: %v, %v", content, ok, err)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != content {
			t.Errorf("slots %q: %q now, %v", content, text, err)
		}
	}
}

// If a FIFO or a link is in the place of the file slots, it is an error at once: nothing is
// read from it.
func TestSemaphoreSlotsFileIsNotRegular(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	must(t, os.Mkdir(path, 0o777))
	file := filepath.Join(path, "slots")
	must(t, syscall.Mkfifo(file, 0o666))
	writer, err := os.OpenFile(file, os.O_RDWR, 0)
	must(t, err)
	defer writer.Close()
	s := filelock.NewSemaphore(path, 2)
	if ok, err := s.TryAcquire(); ok || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a FIFO: %v, %v", ok, err)
	}
	if _, err := s.Holders(); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("holders of a FIFO: %v", err)
	}
	must(t, os.Remove(file), os.Symlink("/dev/zero", file))
	if ok, err := s.TryAcquire(); ok || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a link: %v, %v", ok, err)
	}
}

// A lock on the file with the number of slots has no effect.
func TestSemaphoreDoesNotWaitForSlotsFile(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 2)
	mustTry(t, s, true)
	startHolder(t, filepath.Join(path, "slots"))
	mustTry(t, s, true)
}

// The process that creates a semaphore creates all its slots, because other processes may
// have no permission to do so.
func TestSemaphoreIsCreatedWhole(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	mustTry(t, filelock.NewSemaphore(path, 3), true)
	if got := files(t, path); got != "1 2 3 slots" {
		t.Error(got)
	}
}

func TestSemaphoreDirectory(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 1, filelock.Perm(0o600))
	mustTry(t, s, true)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	mustRelease(t, s)
	must(t, os.RemoveAll(path))
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Errorf("after its directory was removed: %v, %v", ok, err)
	}
	if _, err := filelock.NewSemaphore(filepath.Join(path, "missing", "a.sem"), 1).TryAcquire(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a missing directory: %v", err)
	}
	file := lockPath(t)
	must(t, os.WriteFile(file, nil, 0o666))
	var pathErr *fs.PathError
	if _, err := filelock.NewSemaphore(file, 1).TryAcquire(); !errors.As(err, &pathErr) {
		t.Errorf("a file at the path: %v", err)
	}
}

// During a wait, the directory is removed and created again with fewer slots. The waiter
// gets an error, because the number of slots is another one.
func TestSemaphoreReplacedWhileWaiting(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	for range 2 { // never release
		startSlot(t, path, 2).Expect("acquire")
	}
	result := acquire(filelock.NewSemaphore(path, 2))
	awaitSlotWaiter(t, path, 2)
	must(t, removeAtOnce(path))
	startSlot(t, path, 1).Expect("acquire")
	switch err := await(t, result); {
	case testproc.Polls() && errors.Is(err, fs.ErrNotExist): // it polled meanwhile
	case !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "slots is 1, not 2"):
		t.Fatalf("Acquire = %v", err)
	}
	testproc.Until(t, "the waiter holds no slot", func() bool {
		holders, err := filelock.NewSemaphore(path, 1).Holders()
		return err == nil && len(holders) == 1 && holders[0].PID != os.Getpid()
	})
	mustTry(t, filelock.New(filepath.Join(path, "2")), true)
}

// A Lock refuses the directory of a semaphore, and a Semaphore refuses a lock file: they
// would not exclude each other.
func TestSemaphoreIsNoLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	s := filelock.NewSemaphore(path, 3)
	mustTry(t, s, true)
	file := filepath.Join(dir, "a.lock")
	write(t, file, "")
	for name, c := range map[string]struct {
		try  func() (bool, error)
		says string
	}{
		"a lock on a semaphore":           {filelock.New(path).TryAcquire, "--slots 3"},
		"a lock on a semaphore, with /":   {filelock.New(path + "/").TryAcquire, "--slots 3"},
		"a shared lock on a semaphore":    {filelock.New(path, filelock.Shared()).TryAcquire, "--slots 3"},
		"a semaphore on a lock file":      {filelock.NewSemaphore(file, 3).TryAcquire, "a file, not the directory"},
		"a semaphore on a link to a file": {filelock.NewSemaphore(link(t, file, filepath.Join(t.TempDir(), "link")), 3).TryAcquire, "a file, not the directory"},
		"Holders of a file":               {func() (bool, error) { _, err := filelock.NewSemaphore(file, 3).Holders(); return false, err }, "a file, not the directory"},
	} {
		var open *fs.PathError
		if ok, err := c.try(); ok || !errors.Is(err, fs.ErrInvalid) || !errors.As(err, &open) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	// Another directory can be locked, even if it contains a file slots.
	write(t, filepath.Join(dir, "slots"), "jobs: 3\n")
	mustTry(t, filelock.New(dir), true)
}

// The number of slots is read again if the file slots was written or replaced, even if the
// new file has the same inode number.
func TestNumberIsReadAgain(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 2)
	file := filepath.Join(path, "slots")
	use := func() error {
		ok, err := s.TryAcquire()
		if !ok || err != nil {
			return fmt.Errorf("TryAcquire = %v, %w", ok, err)
		}
		return s.Release()
	}
	must(t, use())
	long := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(file, long, long), use())
	time.Sleep(3 * time.Second) // until the time of birth is old enough (see unchanging)
	must(t, use(), use())
	write(t, file, "3\n") // in place: the same inode
	must(t, os.Chtimes(file, long, long.Add(time.Minute)), use())
	if n, err := filelock.Slots(path); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	for _, slot := range []string{"1", "2"} {
		mustTry(t, filelock.New(filepath.Join(path, slot)), true)
	}
	mustTry(t, s, true) // the third slot
	// The directory is moved away, s is resized, and the directory comes back: its number is
	// not the number of s.
	must(t, os.Rename(path, path+".away"), s.Resize(5), os.RemoveAll(path), os.Rename(path+".away", path))
	if ok, err := s.TryAcquire(); ok || !errors.Is(err, fs.ErrInvalid) {
		t.Fatal(ok, err)
	}
}
