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
)

// Semaphore lets at most n holders in at a time, among all processes that use
// the same directory. It is n locks on n files, the slots, any one of which
// will do; so a process that dies frees the slots that it had, and no other.
//
// A Semaphore is made by [NewSemaphore]; the zero value fails. It must not be
// copied. It may be used by many goroutines, and one Semaphore may hold as
// many slots as there are; each wants its own Release. It is bounded by its
// construction: what was not acquired cannot be released.
//
// The number of slots is a property of the directory. Whoever comes first
// makes the slots, and writes their number into the file slots; whoever comes
// with another number gets an error that is [fs.ErrInvalid]. To change it,
// remove the directory while nobody uses it.
type Semaphore struct {
	core
	slots int
}

// NewSemaphore returns a semaphore of the given number of slots in the
// directory at path. It does no I/O: the first Acquire makes the directory if
// it is missing; the directory above it must exist. Fewer than one slot, or
// more than 10,000, is an error in every Acquire, and so is the option Shared:
// slots are exclusive.
func NewSemaphore(path string, slots int, opts ...Option) *Semaphore {
	s := &Semaphore{slots: slots}
	s.init(path, opts)
	s.records, s.anyFile = true, false // its slots are its own
	return s
}

// Path returns the path that the Semaphore was made with.
func (s *Semaphore) Path() string { return s.given }

// Acquire takes a slot, waiting for any of them until ctx ends. Everything
// that [Lock.Acquire] says holds here too. The first waiter of all processes
// waits for each slot, which takes a thread each. When it has one slot its
// process goes on waiting for the others, gives back what it is granted then,
// and so may have another process find all slots held for a moment.
func (s *Semaphore) Acquire(ctx context.Context) error { return s.acquire(ctx, s.aim) }

// TryAcquire takes a slot if that needs no waiting, and reports whether it
// did. False without an error means that all are held, if only for a moment by
// what a wait has left behind.
func (s *Semaphore) TryAcquire() (bool, error) { return s.tryFor(0, s.aim) }

// TryAcquireFor takes a slot, waiting for it no longer than d, and reports
// whether it did. With d <= 0 it is one try.
func (s *Semaphore) TryAcquireFor(d time.Duration) (bool, error) { return s.tryFor(d, s.aim) }

// Release gives up one slot, the one that was acquired first. The error is
// [ErrNotHeld] if this Semaphore holds none. After any other error the slot is still held.
func (s *Semaphore) Release() error { return s.release() }

// Leave gives up this process's part in the slot that was acquired first, as
// [Lock.Leave] does.
func (s *Semaphore) Leave() error { return s.leave() }

// With runs fn while it holds a slot, as [Lock.With] does.
func (s *Semaphore) With(ctx context.Context, fn func(context.Context) error) error {
	return with(ctx, fn, s.Acquire, s.Release)
}

// File returns a duplicate of the file of the slot that was acquired last, as
// [Lock.File] does. Release may give up another one: who hands slots to several
// processes needs a Semaphore for each of them.
func (s *Semaphore) File() (*os.File, error) { return s.file() }

// Holders returns who holds the slots, as [Lock.Holders] does.
func (s *Semaphore) Holders() ([]Holder, error) { return holders(s.seen()) }

// aim returns what one acquisition is after: any slot. It makes the directory
// if it is missing.
func (s *Semaphore) aim() (want, error) {
	w, err := s.want()
	if err == nil {
		err = w.still()
	}
	return w, err
}

// seen returns what is to be looked at: nothing if there is no directory yet.
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
	// A wait may be long: it looks again when it has ended.
	w := want{given: s.given, path: home.key(), slots: true, still: func() error { return s.agree(home) }}
	for i := range s.slots {
		var t target
		t, w.gate = s.target(cwd.Within(path, strconv.Itoa(i+1)), cwd.Within(path, slotsFile), dir)
		w.any = append(w.any, t)
	}
	return w, nil
}

// Slots returns how many slots the semaphore in the directory at path has. It
// is an [fs.ErrNotExist] if nobody has ever acquired one of them.
func Slots(path string) (int, error) {
	return readSlots(cwd.Within(path, slotsFile))
}

// maxSlots bounds the files that a semaphore is made of.
const maxSlots = 10000

// slotsFile is the file in a semaphore's directory that says how many slots
// there are.
const slotsFile = "slots"

func (s *Semaphore) disagree(n int) error {
	return s.wrong(fmt.Sprintf("its number of slots is %d, not %d; to change that, remove it while nobody uses it", n, s.slots))
}

func (s *Semaphore) wrong(what string) error {
	return &fs.PathError{Op: "open", Path: s.given, Err: semaphoreError(what)}
}

type semaphoreError string

func (e semaphoreError) Error() string        { return string(e) }
func (e semaphoreError) Is(target error) bool { return target == fs.ErrInvalid }

// agree makes sure that the directory is there and has our number of slots. It
// looks every time: the directory may have been removed and made anew.
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

// explain is an error that says so if there is a file, such as that of a lock,
// in the place of the directory.
func (s *Semaphore) explain(dir string, err error) error {
	if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
		return s.wrong("it is a file, not the directory of a semaphore: for a lock leave out the slots (--slots), for a semaphore name another path")
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
		return 0, &fs.PathError{Op: "read", Path: path, Err: semaphoreError("it does not say how many slots the semaphore has; remove the semaphore while nobody uses it")}
	}
	return n, nil
}

// slotsIn returns how many slots the semaphore in a directory has, 0 if there is
// none.
func slotsIn(dir string) int {
	text, err := readSmall(cwd.Within(dir, slotsFile))
	if err != nil {
		return 0
	}
	return parseSlots(text)
}

// parseSlots returns the number that stands in the file, 0 if it is none.
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
		err = &fs.PathError{Op: "read", Path: path, Err: semaphoreError("it is not a regular file")}
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 32)) // fails on what has come to the path since
	return string(text), err
}

// make makes the directory and in it, before it says how many there are, the
// slots: others who use the semaphore may not be allowed to. The file that says
// so gets its name when it is complete, and whoever is first wins. What a
// process that dies here leaves behind misleads nobody.
func (s *Semaphore) make(dir string) error {
	err := os.Mkdir(dir, s.perm|s.perm>>2&0o111) // who may read may search
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
	err = writeNew(file, text, s.perm) // somebody was faster, or the file system has no links
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
