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
