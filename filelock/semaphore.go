package filelock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/invalid"
)

// Semaphore allows at most n holds at a time among all processes that use the
// same directory. The directory has n files, the slots, and each hold is a lock on
// one of them. So when a process dies, exactly its slots become free.
//
// [NewSemaphore] makes a Semaphore; the zero value fails. A Semaphore must not be
// copied. Many goroutines may use one Semaphore. It may hold several slots, up
// to all of them, and each hold needs its own Release. Release without Acquire
// returns [ErrNotHeld].
//
// The number of slots belongs to the directory. The first Acquire creates the
// slots and writes their number into the file slots. A Semaphore with another
// number gets an error that is [fs.ErrInvalid]. To change the number, remove the
// directory while no process uses it.
type Semaphore struct {
	core
	slots int
}

// NewSemaphore returns a semaphore of the given number of slots in the
// directory at path. It does no I/O. Acquire creates the directory if it is
// missing; the directory above it must exist. Every Acquire fails if slots is
// less than 1 or more than 10,000, or if the options include [Shared], because a
// slot is always exclusive.
func NewSemaphore(path string, slots int, opts ...Option) *Semaphore {
	s := &Semaphore{slots: slots}
	s.init(path, opts)
	s.records, s.anyFile = true, false // its slots are its own
	return s
}

// Path returns the path that the Semaphore was made with.
func (s *Semaphore) Path() string { return s.given }

// Acquire takes a slot, whichever becomes free first, and waits until ctx ends.
// It keeps the order and returns the errors of [Lock.Acquire]. The first waiter
// waits for all slots at once, with one thread for each. After it has a slot,
// the other threads stay in the kernel's queue, and give back each slot they are
// granted. So another process may find all slots held for a moment.
func (s *Semaphore) Acquire(ctx context.Context) error { return s.acquire(ctx, s.aim) }

// TryAcquire takes a slot if one is free, and reports whether it did. False
// without an error means that all slots are held, perhaps one of them only for
// a moment (see Acquire).
func (s *Semaphore) TryAcquire() (bool, error) { return s.tryFor(0, s.aim) }

// TryAcquireFor takes a slot, waits for it no longer than d, and reports whether
// it took one, as [Lock.TryAcquireFor] does.
func (s *Semaphore) TryAcquireFor(d time.Duration) (bool, error) { return s.tryFor(d, s.aim) }

// Release gives up the slot that was acquired first. The error is [ErrNotHeld] if
// this Semaphore holds none. After any other error the slot is still held.
func (s *Semaphore) Release() error { return s.release() }

// Leave gives up this process's part in the slot that was acquired first, as
// [Lock.Leave] does.
func (s *Semaphore) Leave() error { return s.leave() }

// With runs fn while it holds a slot, as [Lock.With] does.
func (s *Semaphore) With(ctx context.Context, fn func(context.Context) error) error {
	return with(ctx, fn, s.Acquire, s.Release)
}

// File returns a duplicate of the file of the slot that was acquired last, as
// [Lock.File] does. Release gives up the slot that was acquired first, so use one
// Semaphore for each process that inherits a slot.
func (s *Semaphore) File() (*os.File, error) { return s.file() }

// Holders returns the processes that hold slots, as [Lock.Holders] does.
func (s *Semaphore) Holders() ([]Holder, error) { return holders(s.seen()) }

// aim returns the want of one acquisition: any slot. It creates the directory if
// it is missing.
func (s *Semaphore) aim() (want, error) {
	w, err := s.want()
	if err == nil {
		err = w.still()
	}
	return w, err
}

// seen returns the want of a look at the semaphore. It has no targets if there
// is no directory yet.
func (s *Semaphore) seen() (want, error) {
	w, err := s.want()
	if err != nil {
		return want{}, err
	}
	n, err := readSlots(cwd.Within(s.given, slotsFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return want{given: w.given, path: w.path, slots: true, gate: w.gate}, nil
	case err != nil:
		err = s.explain(s.given, err)
	case n != s.slots:
		err = s.disagree(n)
	}
	return w, err
}

func (s *Semaphore) want() (want, error) {
	if s.slots < 1 {
		return want{}, s.wrong(fmt.Sprintf("a semaphore needs at least one slot, not %d", s.slots))
	}
	if s.slots > maxSlots {
		return want{}, s.wrong(fmt.Sprintf("a semaphore can have %d slots, not %d", maxSlots, s.slots))
	}
	if s.shared {
		return want{}, s.wrong("a semaphore cannot be shared: its slots are exclusive")
	}
	path, dir, err := locate(s.given)
	if err != nil {
		return want{}, err
	}
	home := target{path: path, dir: dir}
	// The directory may be replaced during a wait, so still is called after it.
	w := want{given: s.given, path: home.key(), slots: true, still: func() error { return s.agree(home) }}
	for i := range s.slots {
		var t target
		t, w.gate = s.target(cwd.Within(path, strconv.Itoa(i+1)), cwd.Within(path, slotsFile), dir)
		w.any = append(w.any, t)
	}
	return w, nil
}

// Slots returns the number of slots of the semaphore in the directory at path.
// The error is [fs.ErrNotExist] if no slot was ever acquired.
func Slots(path string) (int, error) {
	return readSlots(cwd.Within(path, slotsFile))
}

// maxSlots bounds the files that a semaphore is made of.
const maxSlots = 10000

// slotsFile is the file in a semaphore's directory with the number of slots.
const slotsFile = "slots"

func (s *Semaphore) disagree(n int) error {
	return s.wrong(fmt.Sprintf("the number of slots is %d, not %d; to change it, remove the directory while no process uses it", n, s.slots))
}

func (s *Semaphore) wrong(what string) error {
	return &fs.PathError{Op: "open", Path: s.given, Err: invalid.Error(what)}
}

// agree creates the directory if it is missing, and checks its number of slots.
// It does so every time, because the directory may have been replaced.
func (s *Semaphore) agree(home target) error {
	home, err := home.now()
	if err != nil {
		return err
	}
	dir := home.path
	file := cwd.Within(dir, slotsFile)
	n, err := readSlots(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.make(dir); err == nil {
			n, err = readSlots(file)
		}
	}
	switch {
	case err != nil:
		err = s.explain(dir, err)
	case n != s.slots:
		err = s.disagree(n)
	}
	return err
}

// explain returns a clearer error if the path is a file, such as a lock file,
// and not a directory.
func (s *Semaphore) explain(dir string, err error) error {
	if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
		return s.wrong("it is a file, not the directory of a semaphore: use it as a lock, without slots (--slots), or choose another path")
	}
	return err
}

// readSlots returns the number in the file.
func readSlots(path string) (int, error) {
	text, err := readSmall(path)
	for try := 0; err == nil && text == "" && try < 100; try++ { // see make
		time.Sleep(time.Millisecond)
		text, err = readSmall(path)
	}
	if err != nil {
		return 0, err
	}
	n := parseSlots(text)
	if n == 0 {
		return 0, &fs.PathError{Op: "read", Path: path, Err: invalid.Error("it does not contain the number of slots; remove the directory of the semaphore while no process uses it")}
	}
	return n, nil
}

// slotsIn returns the number of slots of the semaphore in a directory, 0 if there
// is none.
func slotsIn(dir string) int {
	text, err := readSmall(cwd.Within(dir, slotsFile))
	if err != nil {
		return 0
	}
	return parseSlots(text)
}

// parseSlots returns the number in the text of the file, 0 if there is none.
func parseSlots(text string) int {
	line, whole := strings.CutSuffix(text, "\n")
	n, err := strconv.Atoi(line)
	if !whole || err != nil || n < 1 || n > maxSlots {
		return 0
	}
	return n
}

// readSmall reads a small regular file, and opens nothing else.
func readSmall(path string) (string, error) {
	at, err := lookAt(path)
	if err == nil && !at.exists {
		err = &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if err != nil {
		return "", err
	}
	f, err := openFile(path, os.O_RDONLY)
	if !at.mode.IsRegular() || isLink(err) {
		err = &fs.PathError{Op: "read", Path: path, Err: invalid.Error("it is not a regular file")}
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 32)) // fails if the path has become a directory since
	return string(text), err
}

// make creates the directory, then all slots, then the file with their number.
// It creates all slots because other users of the semaphore may have no
// permission to. The file gets its name only when it is complete; the first
// process that names it wins. A process that dies in between leaves files that
// do no harm.
func (s *Semaphore) make(dir string) error {
	err := os.Mkdir(dir, s.perm|s.perm>>2&0o111) // permission to read includes permission to search
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for i := range s.slots {
		f, err := os.OpenFile(cwd.Within(dir, strconv.Itoa(i+1)), os.O_CREATE|os.O_EXCL|openFlags, s.perm)
		if err == nil {
			err = f.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	file, text := cwd.Within(dir, slotsFile), []byte(strconv.Itoa(s.slots)+"\n")
	tmp := fmt.Sprintf("%s.%016x", file, rand.Uint64())
	defer os.Remove(tmp)
	if err := writeNew(tmp, text, s.perm); err != nil {
		return err
	}
	if os.Link(tmp, file) == nil {
		return nil
	}
	err = writeNew(file, text, s.perm) // another process was faster, or the file system has no links
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

func writeNew(path string, text []byte, perm fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}
