package filelock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/file"
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
// number gets an error that is [fs.ErrInvalid]. [Semaphore.Resize] changes the
// number. A Semaphore that has used the directory before then follows the number,
// unless the directory was removed and made again.
type Semaphore struct {
	core
	slots int       // guarded by mu
	used  file.Info // the directory that has agreed to the number, if any; guarded by mu
	read  file.Info // the file with the number, when it was read; guarded by mu
}

// NewSemaphore returns a semaphore of the given number of slots in the
// directory at path. It does no I/O. Acquire creates the directory if it is
// missing; the directory above it must exist. Every Acquire fails if slots is
// less than 1 or more than 10,000, or if the options include [Shared], because a
// slot is always exclusive.
func NewSemaphore(path string, slots int, opts ...Option) *Semaphore {
	s := &Semaphore{slots: slots}
	s.init(path, opts)
	s.isSlot, s.anyFile = true, false // its slots are its own
	return s
}

// Path returns the path that the Semaphore was made with.
func (s *Semaphore) Path() string { return s.given }

// Acquire takes a slot, whichever becomes free first, and waits until ctx ends.
// It keeps the order and returns the errors of [Lock.Acquire]. The first waiter
// waits for all slots at once, with one thread for each of at most 64 slots; it polls
// the others. When it has a slot, the other threads are called back, and it wants
// nothing of their slots any more.
func (s *Semaphore) Acquire(ctx context.Context) error { return s.acquire(ctx, s.aim) }

// TryAcquire takes a slot if one is free, and reports whether it did. False
// without an error means that all slots are held.
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
	home, err := s.home()
	if err != nil {
		return want{}, err
	}
	n, err := s.agree(home)
	if err != nil {
		return want{}, err
	}
	return s.want(home, n), nil
}

// seen returns the want of a look at the semaphore. It has no targets if there
// is no directory yet.
func (s *Semaphore) seen() (want, error) {
	home, err := s.home()
	if err != nil {
		return want{}, err
	}
	n, err := s.number(home)
	if errors.Is(err, fs.ErrNotExist) {
		n, err = 0, nil
	}
	return s.want(home, n), err
}

// home returns the directory.
func (s *Semaphore) home() (target, error) {
	s.mu.Lock()
	err := s.mayHave(s.slots)
	s.mu.Unlock()
	if err != nil {
		return target{}, err
	}
	path, dir, err := locate(s.given)
	return target{path: path, dir: dir}, err
}

// mayHave returns an error if the semaphore cannot have so many slots.
func (s *Semaphore) mayHave(slots int) error {
	switch {
	case slots < 1:
		return s.wrong(fmt.Sprintf("a semaphore needs at least one slot, not %d", slots))
	case slots > maxSlots:
		return s.wrong(fmt.Sprintf("a semaphore can have at most %d slots, not %d", maxSlots, slots))
	case s.shared:
		return s.wrong("a semaphore cannot be shared: its slots are exclusive")
	}
	return nil
}

// want returns the want of any of n slots.
func (s *Semaphore) want(home target, n int) want {
	w := want{given: s.given, path: home.key(), slots: true, onWait: s.onWait}
	w.still = func(h *handle) error { return s.stillHas(home, h) }
	w.resized = func(n int) []target { return s.slotsIfNot(home, n) }
	for i := range max(n, 1) { // for the gate, which no slots have too
		var t target
		t, w.gate = s.target(cwd.Within(home.path, strconv.Itoa(i+1)), cwd.Within(home.path, slotsFile), home.dir)
		w.any = append(w.any, t)
	}
	w.any = w.any[:n]
	return w
}

// stillHas checks that a slot that was locked is one of those that the semaphore has.
// The directory may have been replaced during a wait, or the number of slots may
// have changed: then the slot does not count, and errResized is returned.
func (s *Semaphore) stillHas(home target, h *handle) error {
	n, err := s.agree(home)
	if err != nil {
		return err
	}
	if slot, err := strconv.Atoi(filepath.Base(h.fl.Path())); err != nil || slot > n {
		return errResized
	}
	return nil
}

// slotsIfNot returns the slots, or nil if their number is still n.
func (s *Semaphore) slotsIfNot(home target, n int) []target {
	now, err := s.number(home)
	if err != nil || now == n {
		return nil // an error is found again by stillHas
	}
	return s.want(home, now).any
}

// errResized means that the number of slots has changed during an acquisition.
var errResized = errors.New("the number of slots has changed")
