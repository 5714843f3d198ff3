package filelock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/process"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// holdOf returns a Lock that is held, and its hold.
func holdOf(t *testing.T) (*Lock, *hold) {
	t.Helper()
	l := New(filepath.Join(t.TempDir(), "a"))
	if ok, err := l.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	return l, l.holds[0]
}

// closeFile closes the file of a hold, so that it can be neither unlocked nor closed.
func closeFile(t *testing.T, h *hold) {
	t.Helper()
	f, err := h.osFile()
	testproc.Must(t, err, f.Close())
}

// A hold that has ended is not kept reachable any more.
func TestEndedHoldIsNotKept(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Lock) error{
		"Release": func(l *Lock) error { return l.Release() },
		"Leave":   func(l *Lock) error { return l.Leave() },
		"Leave after File": func(l *Lock) error {
			f, err := l.File()
			return errors.Join(err, f.Close(), l.Leave())
		},
	} {
		l, h := holdOf(t)
		testproc.Must(t, end(l))
		if h.drop() {
			t.Errorf("%s: the hold is kept", name)
		}
	}
}

// If a file cannot be unlocked, the hold remains, and is kept reachable. A hold that was not
// kept before, such as that of a gate, is not kept afterwards either.
func TestFailedReleaseKeepsTheHold(t *testing.T) {
	t.Parallel()
	l, h := holdOf(t)
	closeFile(t, h)
	var at *fs.PathError
	if err := l.Release(); !errors.As(err, &at) || at.Path != l.Path() || len(l.holds) != 1 {
		t.Errorf("Release = %v, and there are %d holds", err, len(l.holds))
	}
	if !h.drop() {
		t.Error("the hold is not kept")
	}
	h, err := lockFile{path: filepath.Join(t.TempDir(), "gate"), perm: 0o600}.try()
	testproc.Must(t, err)
	closeFile(t, h)
	if err := h.release(); err == nil {
		t.Error("a file that cannot be unlocked was released")
	}
	if h.drop() {
		t.Error("a hold that was not kept before is kept")
	}
	for _, inheritable := range []bool{false, true} {
		l, h = holdOf(t)
		h.inheritable = inheritable
		closeFile(t, h)
		if err := l.Leave(); err == nil {
			t.Errorf("a file that is closed was left; inheritable %v", inheritable)
		}
		h.drop()
	}
}

// What the errors of the kernel mean.
func TestErrnos(t *testing.T) {
	t.Parallel()
	for errno, want := range map[unix.Errno][]func(error) bool{
		unix.EWOULDBLOCK: {isBusy}, unix.EACCES: {isBusy}, unix.EINTR: {isInterrupted}, unix.ENOLCK: {hasNoLocks},
		unix.EBADF: {wantsWrite}, unix.EIO: {wantsWrite, fileGone},
		unix.ESTALE: {fileGone, pathGone}, unix.ENOTCONN: {fileGone, pathGone}, unix.ENOTDIR: {pathGone}, unix.ELOOP: {pathGone},
		unix.EMFILE: nil,
	} {
		yes := 0
		for _, is := range []func(error) bool{isBusy, isInterrupted, hasNoLocks, wantsWrite, fileGone, pathGone} {
			if is(errno) {
				yes++
			}
		}
		for _, is := range want {
			if !is(&fs.PathError{Err: errno}) {
				yes = -1
			}
		}
		if yes != len(want) {
			t.Errorf("%v has another meaning now", errno)
		}
	}
}

// The checks of a waiter end with its wait, also if one of them is running just then.
func TestWaiterStopsItsTimer(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		w := newWaiter(request{key: t.Name(), gate: &gate{}}, epoch)
		w.stop()
		if running { // it has the mutex only now
			w.check()
		}
		if w.timer.Stop() {
			t.Errorf("the timer goes on; a check was running: %v", running)
		}
	}
}

// A process has the file open, or it is not a regular file: then it is not certain that no
// process holds it. isUnopened does not open a FIFO, because a writer would take it for a
// reader.
func TestIsUnopened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	testproc.Must(t, os.WriteFile(at("free"), nil, 0o600), unix.Mkfifo(at("fifo"), 0o600))
	open, err := os.Create(at("open"))
	testproc.Must(t, err)
	defer open.Close()
	opened := testproc.ReportsOf(t, unix.IN_OPEN, at("fifo"))
	testproc.BetweenForks(func() {
		for path, want := range map[string]bool{at("free"): true, at("open"): false, at("missing"): false, at("fifo"): false, dir: false} {
			if got := isUnopened(path); got != want {
				t.Errorf("%s: %v, want %v", path, got, want)
			}
		}
	})
	if opened() != "" {
		t.Error("the FIFO was opened")
	}
}

// The number of slots is at least 1 and at most maxSlots.
func TestBoundsOfSlots(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]bool{-1: false, 0: false, 1: true, maxSlots: true, maxSlots + 1: false} {
		if err := NewSemaphore("a", n).checkCount(n); (err == nil) != want {
			t.Errorf("%d slots: %v", n, err)
		}
	}
}

// A file is a slot if its name is a number of the semaphore in its directory.
func TestIsSlot(t *testing.T) {
	t.Parallel()
	sem, other := t.TempDir(), t.TempDir()
	testproc.Must(t, os.WriteFile(filepath.Join(sem, slotsFile), numberText(2), 0o600))
	for _, name := range []string{"-1", "0", "1", "2", "3", "x", slotsFile} {
		if got, want := isSlot(filepath.Join(sem, name)), name == "1" || name == "2"; got != want {
			t.Errorf("%s is a slot: %v, want %v", name, got, want)
		}
		if isSlot(filepath.Join(other, name)) {
			t.Errorf("%s is a slot of no semaphore", name)
		}
	}
}

// A file with lines is a gate as long as it is not much larger than a gate becomes.
func TestSizeOfAGate(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "gate"))
	testproc.Must(t, err)
	defer f.Close()
	_, err = f.WriteString(`{"fsync":`)
	testproc.Must(t, err)
	for size, want := range map[int64]bool{2 * maxLines: true, 2*maxLines + 1: false} {
		testproc.Must(t, f.Truncate(size))
		if text, ok := readLines(f); ok != want || ok && int64(len(text)) != size {
			t.Errorf("%d bytes: %v, %d are read", size, ok, len(text))
		}
	}
}

// A process waits at a gate that is there, but not where there can be none. If it has just
// found none, it does not look.
func TestGateInUse(t *testing.T) {
	t.Parallel()
	if gateOf("/", cwd.Dir{}, 0o600).inUse() {
		t.Error("there is a gate of the root directory")
	}
	g := gateOf(filepath.Join(t.TempDir(), "a"), cwd.Dir{}, 0o600)
	for range 100 {
		if g.inUse() {
			t.Fatal("a gate that is missing is in use")
		}
	}
	testproc.Must(t, os.WriteFile(g.path, nil, 0o600))
	time.Sleep(missingFor)
	if !g.inUse() {
		t.Error("a gate is not in use")
	}
}

// The distrust of a stuck gate ends at its time, and when another file is at the path.
func TestDistrustEnds(t *testing.T) {
	t.Parallel()
	g := gateOf(filepath.Join(t.TempDir(), "a"), cwd.Dir{}, 0o600)
	distrust := func(until time.Time) (yes, stuck bool) {
		g.distrust(until)
		return g.ignored()
	}
	if yes, stuck := distrust(time.Now()); yes || stuck {
		t.Errorf("there is no gate: %v, %v", yes, stuck)
	}
	testproc.Must(t, os.WriteFile(g.path, nil, 0o600))
	if yes, stuck := distrust(time.Now()); yes || stuck {
		t.Errorf("the time is over: %v, %v", yes, stuck)
	}
	if yes, stuck := distrust(time.Now().Add(time.Hour)); !yes || !stuck {
		t.Errorf("the time is not over: %v, %v", yes, stuck)
	}
	if yes, stuck := distrust(forGood); !yes || stuck {
		t.Errorf("for good: %v, %v", yes, stuck)
	}
	testproc.Must(t, os.Remove(g.path))
	if yes, stuck := g.ignored(); yes || stuck {
		t.Errorf("the gate is gone: %v, %v", yes, stuck)
	}
}

// Only a line of a process that may wait here tells since when it waits.
func TestWaitingSince(t *testing.T) {
	t.Parallel()
	g := gateOf(filepath.Join(t.TempDir(), "a"), cwd.Dir{}, 0o600)
	since := time.Now().UTC().Truncate(time.Second)
	me, other, dead := process.Self(), process.Self(), process.Self()
	me.Since, other.Since, dead.Since = since, since, since
	other.Boot, other.Host = other.Boot+"x", other.Host+"x"
	dead.PID = 1<<22 + 1
	for name, c := range map[string]struct {
		line process.Record
		want int
	}{"this process": {me, 1}, "another machine": {other, 0}, "a dead process": {dead, 0}} {
		testproc.Must(t, os.WriteFile(g.path, append(c.line.Encode(), "{\"fsync\":\n"...), 0o600))
		got := g.waitingSince()
		if len(got) != c.want || c.want == 1 && !got[me.PID].Equal(since) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A gate is emptied when its lines have a certain size, also if the last line is half a line.
func TestFullGate(t *testing.T) {
	t.Parallel()
	for _, size := range []int{maxLines - 1, maxLines} {
		g := gateOf(filepath.Join(t.TempDir(), "a"), cwd.Dir{}, 0o600)
		text := `{"fsync":` + strings.Repeat(" ", size-9)
		testproc.Must(t, os.WriteFile(g.path, []byte(text), 0o600))
		(&waiter{gate: g, since: time.Now()}).tell()
		got, err := os.ReadFile(g.path)
		testproc.Must(t, err)
		line, kept := strings.CutPrefix(string(got), text+"\n")
		if _, ok := process.Parse([]byte(line)); !ok || kept != (size < maxLines) {
			t.Errorf("%d bytes became %d bytes; they are kept: %v", size, len(got), kept)
		}
	}
}

// Adopt closes the file that it has adopted, but not standard input, output or error.
func TestStandardFilesStayOpen(t *testing.T) {
	t.Parallel()
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if err := closeAdopted(f); err != nil {
			t.Errorf("%s: %v", f.Name(), err)
		}
		if _, err := f.Stat(); err != nil {
			t.Errorf("%s was closed", f.Name())
		}
	}
	r, w, err := os.Pipe()
	testproc.Must(t, err, closeAdopted(r), closeAdopted(w))
	for _, f := range []*os.File{r, w} {
		if _, err := f.Stat(); err == nil {
			t.Errorf("descriptor %d is still open", f.Fd())
		}
	}
}
