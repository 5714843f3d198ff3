package filelock_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

func mustWaiters(t testing.TB, l filelock.Inspectable) []filelock.Waiter {
	t.Helper()
	got, err := l.Waiters()
	must(t, err)
	return got
}

func pids(waiters []filelock.Waiter) (list []int) {
	for _, w := range waiters {
		list = append(list, w.PID)
	}
	return list
}

// Waiters returns the waiters in order: first the processes that wait for the lock file,
// flock(1) included, then the processes at the gate.
func TestWaiters(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path)
	if got := mustWaiters(t, l); len(got) != 0 {
		t.Fatalf("waiters for no file: %v", got)
	}
	startHolder(t, path)
	before := time.Now()
	head := startWaiter(t, path, "shared")
	awaitWaiters(t, path, 1)
	tool := testproc.StartCmd(t, exec.Command("flock", path, "true"))
	awaitWaiters(t, path, 2)
	next := startWaiter(t, path)
	awaitWaiters(t, gateOf(path), 1)
	got := mustWaiters(t, l)
	if fmt.Sprint(pids(got)) != fmt.Sprint([]int{head.PID(), tool.PID(), next.PID()}) ||
		!got[0].Shared || got[1].Shared || got[2].Shared || !strings.HasSuffix(got[1].Command, path+" true") {
		t.Errorf("waiters = %+v", got)
	}
	testproc.Until(t, "it is known since when head and next wait", func() bool {
		got = mustWaiters(t, l)
		return !got[0].Since.IsZero() && !got[2].Since.IsZero()
	})
	if now := time.Now(); got[0].Since.Before(before.Add(-time.Millisecond)) || got[0].Since.After(got[2].Since) || got[2].Since.After(now) || !got[1].Since.IsZero() {
		t.Errorf("began at %v; waiters = %+v; now %v", before, got, now)
	}
	head.Kill()
	testproc.Until(t, "head does not wait any more", func() bool { return len(mustWaiters(t, l)) == 2 })
}

// A process is listed once, even if several goroutines wait. It is not listed after it has
// given up its wait.
func TestWaitersOfThisProcess(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	l := filelock.New(path)
	giveUp(t, l)
	if got := mustWaiters(t, l); len(got) != 0 {
		t.Errorf("after a wait was given up: %+v", got)
	}
	writer, reader := filelock.New(path), filelock.New(path, filelock.Shared())
	wrote, read := acquire(writer), acquire(reader)
	awaitQueue(t, path, 2)
	awaitWaiters(t, path, 1)
	if got := mustWaiters(t, l); len(got) != 1 || got[0].PID != os.Getpid() {
		t.Errorf("waiters = %+v", got)
	}
	holder.Kill()
	for range 2 {
		select {
		case err := <-wrote:
			must(t, err, writer.Release())
		case err := <-read:
			must(t, err, reader.Release())
		}
	}
}

// The gate is removed while Waiters reads the kernel's table. Another file may have got its
// inode number, so the waiters that the table shows for it are left out. If the lock file is
// replaced meanwhile, Holders reads the table again.
func TestFileChangesDuringInspect(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	path := lockPath(t)
	gate := gateOf(path)
	write(t, path, "")
	write(t, gate, "")
	startHolder(t, gate)
	startWaiter(t, gate)
	awaitWaiters(t, gate, 1)
	filelock.At(t, filelock.TableRead, path, func() {
		if err := os.Rename(gate, gate+".old"); err != nil {
			t.Error(err)
		}
	})
	if got := mustWaiters(t, filelock.New(path)); len(got) != 0 {
		t.Errorf("waiters for another file: %v", got)
	}
	old := startHolder(t, path)
	filelock.At(t, filelock.TableRead, path, func() {
		if err := os.Rename(path, path+".old"); err != nil {
			t.Error(err)
		}
		write(t, path, "")
	})
	if got := mustHolders(t, path); len(got) != 0 {
		t.Errorf("holders of the file that was replaced: %v, pid %d", got, old.PID())
	}
}

func TestSemaphoreWaiters(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	path := semPath(t)
	s := filelock.NewSemaphore(path, 2)
	if holders, err := s.Holders(); len(holders) != 0 || err != nil {
		t.Errorf("holders of a missing semaphore: %v, %v", holders, err)
	}
	if _, err := filelock.Slots(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Slots of a missing semaphore: %v", err)
	}
	if !gone(path) {
		t.Error("Holders or Slots created the directory")
	}
	for range 2 {
		startSlot(t, path, 2).Expect("acquire")
	}
	head := startSlot(t, path, 2)
	awaitSlotWaiter(t, path, 2)
	next := startSlot(t, path, 2)
	awaitWaiters(t, filepath.Join(path, ".slots.gate"), 1)
	if got := mustWaiters(t, s); fmt.Sprint(pids(got)) != fmt.Sprint([]int{head.PID(), next.PID()}) {
		t.Errorf("waiters = %+v", got)
	}
	if n, err := filelock.Slots(path); n != 2 || err != nil {
		t.Errorf("Slots = %v, %v", n, err)
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	held, free, bad := filelock.New(lockPath(t)), filelock.New(lockPath(t)), filelock.NewSemaphore(semPath(t), 0)
	through := filelock.New(filepath.Join(free.Path(), "through a file"))
	holder := startHolder(t, held.Path())
	mustTry(t, free, true)
	mustRelease(t, free)
	states := filelock.Inspect(held, free, bad, through)
	if s := states[0]; len(s.Holders) != 1 || s.Holders[0].PID != holder.PID() || s.Err != nil {
		t.Errorf("held: %+v", s)
	}
	if s := states[1]; len(s.Holders)+len(s.Waiters) != 0 || s.Err != nil {
		t.Errorf("free: %+v", s)
	}
	for _, s := range states[2:] {
		if s.Err == nil {
			t.Errorf("no error of a path that cannot be inspected: %+v", s)
		}
	}
}

// beginning returns the beginning of a file, which may be huge.
func beginning(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1000))
	must(t, err)
	return string(text)
}

// The content of a gate is a hint that any process may have written.
func TestHostileGate(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	for name, put := range map[string]func(gate string) error{
		"not ours": func(gate string) error { return os.WriteFile(gate, []byte("precious\n"), 0o666) },
		"big":      func(gate string) error { return os.Truncate(gate, 1<<30) },
		"lies": func(gate string) error {
			return os.WriteFile(gate, []byte("{\"fsync\":1,\"pid\":-1}\n{\"fsync\":"), 0o666)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var path string
			for told := true; told; { // on a busy machine head may have written its line before
				path = lockPath(t)
				_, head := startHead(t, path)
				must(t, put(gateOf(path)))
				told = strings.Contains(beginning(t, gateOf(path)), strconv.Itoa(head.PID()))
			}
			before, err := os.Stat(gateOf(path))
			must(t, err)
			ours := waitToTheEnd(t, path)
			awaitWaiters(t, gateOf(path), 1)
			filelock.Check(t, path)
			mustStillWait(t, ours)
			if got := mustWaiters(t, filelock.New(path)); len(got) != 2 || name != "lies" && !got[0].Since.IsZero() {
				t.Errorf("waiters = %+v", got)
			}
			after, err := os.Stat(gateOf(path))
			if err != nil || name != "lies" && after.Size() != before.Size() {
				t.Errorf("the gate had %d bytes, and has %d: %v", before.Size(), after.Size(), err)
			}
		})
	}
	t.Run("FIFO", func(t *testing.T) {
		t.Parallel()
		path := lockPath(t)
		must(t, syscall.Mkfifo(gateOf(path), 0o666))
		opened := testproc.ReportsOf(t, unix.IN_OPEN, gateOf(path)) // a process that waits to write would take us for a reader
		startHolder(t, path)
		ours := waitToTheEnd(t, path)
		awaitWaiters(t, path, 1)
		filelock.Check(t, path)
		if got := mustWaiters(t, filelock.New(path)); len(got) != 1 {
			t.Errorf("waiters = %+v", got)
		}
		if opened() != "" {
			t.Error("the FIFO was opened")
		}
		mustStillWait(t, ours)
	})
}

// mustKnowSince fails the test unless there is one waiter, and it is known since when.
func mustKnowSince(t testing.TB, path string) {
	t.Helper()
	if got := mustWaiters(t, filelock.New(path)); len(got) != 1 || got[0].Since.IsZero() {
		t.Errorf("waiters = %+v", got)
	}
}

// A gate with very many lines is emptied, also if the last line is half a line.
func TestGateDoesNotGrow(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	path, ours := waitBehindHolder(t)
	line := "{\"fsync\":1,\"pid\":1}\n"
	put(t, gateOf(path), strings.Repeat(line, 64<<10/len(line)+1)+line[:5])
	filelock.Check(t, path)
	info, err := os.Stat(gateOf(path))
	if err != nil || info.Size() > 1000 {
		t.Errorf("the gate has %v bytes, %v", info.Size(), err)
	}
	mustKnowSince(t, path)
	mustStillWait(t, ours)
}

// Half a line, which a killed process has left, does not spoil the next line.
func TestHalfALineInTheGate(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	path, ours := waitBehindHolder(t)
	put(t, gateOf(path), "{\"fsync\":1,\"pi")
	filelock.Check(t, path)
	mustKnowSince(t, path)
	mustStillWait(t, ours)
}

// put replaces a gate by a new file.
func put(t testing.TB, gate, content string) {
	t.Helper()
	write(t, gate+".new", content)
	must(t, os.Rename(gate+".new", gate))
}

// waitToTheEnd waits for a lock until the test ends.
func waitToTheEnd(t testing.TB, path string) <-chan error {
	result, done := make(chan error, 1), make(chan struct{})
	go func() {
		result <- filelock.New(path).Acquire(t.Context())
		close(done)
	}()
	t.Cleanup(func() { <-done })
	return result
}

// waitBehindHolder waits for a lock that another process holds.
func waitBehindHolder(t testing.TB) (path string, result <-chan error) {
	t.Helper()
	path = lockPath(t)
	startHolder(t, path)
	result = waitToTheEnd(t, path)
	awaitWaiters(t, path, 1)
	return path, result
}

// A waiter is nested if it waits for a lock of an ancestor, or for one that it has inherited.
func TestNestedWaiters(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path)
	mustAcquire(t, l)
	f, err := l.File()
	must(t, err)
	defer f.Close()
	cmd := testproc.RoleCmd("hold", path)
	cmd.ExtraFiles = []*os.File{f}
	heir := testproc.StartCmd(t, cmd)
	heir.Send("acquire")
	awaitWaiters(t, path, 1)
	child := startWaiter(t, path)
	awaitWaiters(t, gateOf(path), 1)
	both := []int{os.Getpid(), heir.PID()}
	slices.Sort(both)
	mustBeNested(t, path, fmt.Sprintf("%d:%v %d:[%d]", heir.PID(), both, child.PID(), os.Getpid()))

	other := lockPath(t)
	startHolder(t, other)
	waiter := startWaiter(t, other) // the holder is no ancestor
	awaitWaiters(t, other, 1)
	mustBeNested(t, other, fmt.Sprintf("%d:[]", waiter.PID()))
}

// mustBeNested fails the test unless these processes wait, each nested below these holders.
func mustBeNested(t *testing.T, path, want string) {
	t.Helper()
	var state filelock.State
	testproc.BetweenForks(func() { state = filelock.Inspect(filelock.New(path))[0] })
	must(t, state.Err)
	var got []string
	for _, w := range state.Waiters {
		got = append(got, fmt.Sprintf("%d:%v", w.PID, w.Nested))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// A process that waits for a fcntl(2) lock on the lock file neither waits for the lock nor has
// a fcntl(2) lock.
func TestPOSIXWaiter(t *testing.T) {
	needsWaiters(t)
	t.Parallel()
	testproc.Need(t, "python3")
	path := lockPath(t)
	write(t, path, "")
	lockf := func() *testproc.Proc {
		return testproc.StartCmd(t, exec.Command("python3", "-c",
			"import fcntl,sys; f=open(sys.argv[1],'r+'); print('ready',flush=True); fcntl.lockf(f,fcntl.LOCK_EX); print('locked',flush=True); sys.stdin.readline()", path))
	}
	holder := lockf()
	holder.Expect("ready")
	holder.Expect("locked")
	waiter := lockf()
	waiter.Expect("ready")
	testproc.Until(t, "it waits", func() bool {
		return regexp.MustCompile(fmt.Sprintf(`-> POSIX .* %d `, waiter.PID())).MatchString(content(t, "/proc/locks"))
	})
	s := filelock.Inspect(filelock.New(path))[0]
	if len(s.Waiters)+len(s.Holders) != 0 || len(s.POSIX) != 1 || s.POSIX[0].PID != holder.PID() {
		t.Errorf("%+v", s)
	}
}
