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

// slot DIR N: acquires a slot when told to, says so, and releases when told.
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

// crowd DIR N ROOM TIMES: enters a room that takes N at a time, and fails if
// it meets more.
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
		err = fmt.Errorf("%d are in the room", len(in))
	}
	return errors.Join(err, check(), os.Remove(self))
}

func semPath(t testing.TB) string { return filepath.Join(t.TempDir(), "a.sem") }

// holdSlots returns a Semaphore that holds all its slots.
func holdSlots(t testing.TB, n int) (path string, s *filelock.Semaphore) {
	t.Helper()
	path = semPath(t)
	s = filelock.NewSemaphore(path, n)
	for range n {
		if ok, err := s.TryAcquire(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	return path, s
}

func startSlot(t testing.TB, path string, n int) *testproc.Proc {
	t.Helper()
	p := testproc.Start(t, "slot", path, strconv.Itoa(n))
	p.Send("acquire")
	return p
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
		if ok, err := s.TryAcquire(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if ok, err := two.TryAcquire(); ok || err != nil {
		t.Fatal(ok, err)
	}
	start := time.Now()
	if ok, err := two.TryAcquireFor(50 * time.Millisecond); ok || err != nil || time.Since(start) < 50*time.Millisecond {
		t.Fatal(ok, err, time.Since(start))
	}
	if err := two.Release(); err != nil {
		t.Fatal(err)
	}
	if err := two.Release(); !errors.Is(err, filelock.ErrNotHeld) {
		t.Fatalf("Release of nothing = %v", err)
	}
	if ok, err := one.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	testproc.Until(t, "this process is seen to hold three slots", func() bool {
		holders, err := one.Holders()
		return err == nil && len(holders) == 3 && holders[0].PID == os.Getpid()
	})
	if err := timedOut(two.Acquire); !errors.Is(err, filelock.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Acquire = %v", err)
	}
	f, err := one.File()
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for range 2 {
		if err := one.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if err := two.With(background, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// A waiter gets whichever slot is given up, and a killed process gives up its
// own and no other.
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
				waiter, last := startSlot(t, path, n), startSlot(t, path, n)
				awaitSlotWaiter(t, path, n)
				awaitWaiters(t, filepath.Join(path, ".slots.gate"), 1)
				if how == "kill" {
					holders[i].Kill()
				} else {
					release(t, holders[i])
				}
				first := waiter
				select {
				case line := <-waiter.Lines():
					if line != "acquire" {
						t.Fatal(line)
					}
				case line := <-last.Lines(): // the one that came to the gate first
					if line != "acquire" {
						t.Fatal(line)
					}
					first, last = last, waiter
				}
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
	if ok, err := three.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for _, err := range []error{
		filelock.NewSemaphore(path, 4).Acquire(background),
		func() error { _, err := filelock.NewSemaphore(path, 2).TryAcquire(); return err }(),
		func() error { _, err := filelock.NewSemaphore(path, 2).Holders(); return err }(),
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
			t.Errorf("%s was made", s.Path())
		}
	}
	var all sync.WaitGroup // of many who come at once with different sizes, one wins
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
		t.Errorf("%d of 20 were told that their size is wrong", wrong)
	}
}

// A file slots without a valid number is an error, and does not change.
func TestSemaphoreSlotsFile(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]error{
		"2\n": nil, "02\n": nil,
		"": fs.ErrInvalid, "2": fs.ErrInvalid, "x": fs.ErrInvalid, "2\n2\n": fs.ErrInvalid, "0\n": fs.ErrInvalid, "-2\n": fs.ErrInvalid,
		"10001\n": fs.ErrInvalid, "99999999999999999999999999999999999\n": fs.ErrInvalid,
	} {
		path := semPath(t)
		if err := os.Mkdir(path, 0o777); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(path, "slots")
		if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		ok, err := filelock.NewSemaphore(path, 2).TryAcquire()
		if ok != (want == nil) || !errors.Is(err, want) {
			t.Errorf("slots %q: %v, %v", content, ok, err)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != content {
			t.Errorf("slots %q: %q now, %v", content, text, err)
		}
	}
}

// Nothing that stands in the place of the number of slots is opened, or
// waited for.
func TestSemaphoreSlotsFileIsNone(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(path, "slots")
	if err := syscall.Mkfifo(file, 0o666); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	s := filelock.NewSemaphore(path, 2)
	if ok, err := s.TryAcquire(); ok || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a FIFO: %v, %v", ok, err)
	}
	if _, err := s.Holders(); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("holders of a FIFO: %v", err)
	}
	for _, err := range []error{os.Remove(file), os.Symlink("/dev/zero", file)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := s.TryAcquire(); ok || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a link: %v, %v", ok, err)
	}
}

// A lock on the file with the number of slots has no effect.
func TestSemaphoreDoesNotWaitForSlotsFile(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 2)
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	startHolder(t, filepath.Join(path, "slots"))
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

// The process that creates a semaphore creates all its slots, because others may not.
func TestSemaphoreIsMadeWhole(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	if ok, err := filelock.NewSemaphore(path, 3).TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	entries, err := os.ReadDir(path)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "1 2 3 slots" || err != nil {
		t.Errorf("made %s, %v", got, err)
	}
}

func TestSemaphoreDirectory(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 1, filelock.Perm(0o600))
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := s.Release(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Errorf("after its directory was removed: %v, %v", ok, err)
	}
	if _, err := filelock.NewSemaphore(filepath.Join(path, "missing", "a.sem"), 1).TryAcquire(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a missing directory: %v", err)
	}
	file := lockPath(t)
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	var pathErr *fs.PathError
	if _, err := filelock.NewSemaphore(file, 1).TryAcquire(); !errors.As(err, &pathErr) {
		t.Errorf("in place of a file: %v", err)
	}
}

// The directory is removed, and made again with fewer slots, during a wait: the
// waiter gets an error, because the number of slots is another one.
func TestSemaphoreRemadeWhileWaiting(t *testing.T) {
	t.Parallel()
	path := semPath(t)
	for range 2 { // never release
		startSlot(t, path, 2).Expect("acquire")
	}
	result := make(chan error)
	go func() { result <- filelock.NewSemaphore(path, 2).Acquire(background) }()
	awaitSlotWaiter(t, path, 2)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	startSlot(t, path, 1).Expect("acquire")
	switch err := <-result; {
	case testproc.Polls() && errors.Is(err, fs.ErrNotExist): // it polled meanwhile
	case !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "slots is 1, not 2"):
		t.Fatalf("Acquire = %v", err)
	}
	testproc.Until(t, "nothing is held for it", func() bool {
		holders, err := filelock.NewSemaphore(path, 1).Holders()
		return err == nil && len(holders) == 1 && holders[0].PID != os.Getpid()
	})
	mustTry(t, filelock.New(filepath.Join(path, "2")), true)
}

// A semaphore is not locked as a lock, nor a lock as a semaphore: they would not
// exclude each other.
func TestSemaphoreIsNoLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	s := filelock.NewSemaphore(path, 3)
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	file := filepath.Join(dir, "a.lock")
	write(t, file, "")
	for name, c := range map[string]struct {
		try  func() (bool, error)
		says string
	}{
		"a lock on a semaphore":            {filelock.New(path).TryAcquire, "--slots 3"},
		"a lock on a semaphore, with /":    {filelock.New(path + "/").TryAcquire, "--slots 3"},
		"a shared lock on a semaphore":     {filelock.New(path, filelock.Shared()).TryAcquire, "--slots 3"},
		"a semaphore on a lock file":       {filelock.NewSemaphore(file, 3).TryAcquire, "a file, not the directory"},
		"a semaphore on a lock's symlink":  {filelock.NewSemaphore(symlink(t, file), 3).TryAcquire, "a file, not the directory"},
		"a look at a semaphore that is no": {func() (bool, error) { _, err := filelock.NewSemaphore(file, 3).Holders(); return false, err }, "a file, not the directory"},
	} {
		var open *fs.PathError
		if ok, err := c.try(); ok || !errors.Is(err, fs.ErrInvalid) || !errors.As(err, &open) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	// Other directories can be locked, even if there is such a file in them.
	write(t, filepath.Join(dir, "slots"), "jobs: 3\n")
	mustTry(t, filelock.New(dir), true)
}

// symlink makes a symbolic link and returns its path.
func symlink(t *testing.T, to string) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(to, link); err != nil {
		t.Fatal(err)
	}
	return link
}

// A number that was read long ago is read again when another file has it, even one with
// the same inode number.
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
	time.Sleep(3 * time.Second) // until its birth is no news
	must(t, use(), use())
	write(t, file, "3\n") // in place: the same inode
	must(t, os.Chtimes(file, long, long.Add(time.Minute)), use())
	if n, err := filelock.Slots(path); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	for _, slot := range []string{"1", "2"} {
		mustTry(t, filelock.New(filepath.Join(path, slot)), true)
	}
	if ok, err := s.TryAcquire(); !ok || err != nil { // the third slot
		t.Fatal(ok, err)
	}
	// The directory is away while s is resized: it has another number than s then.
	must(t, os.Rename(path, path+".away"), s.Resize(5), os.RemoveAll(path), os.Rename(path+".away", path))
	if ok, err := s.TryAcquire(); ok || !errors.Is(err, fs.ErrInvalid) {
		t.Fatal(ok, err)
	}
}
