package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

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
// number. A Semaphore that has used the directory before uses the new number,
// unless the directory was removed and created again.
//
// A waiter waits for all slots at once: in at most 64 threads, one for each slot. It polls
// the other slots.
type Semaphore struct {
	common

	// Guarded by mu:
	slots int       // the number of slots
	used  file.Info // the directory that had this number of slots, if any
	read  file.Info // the file slots at the time when it was read
}

// NewSemaphore returns a semaphore of the given number of slots in the
// directory at path. It does no I/O. Acquire creates the directory if it is
// missing; the directory above it must exist. Every Acquire fails if slots is
// less than 1 or more than 10,000, or if the options include [Shared], because a
// slot is always exclusive.
func NewSemaphore(path string, slots int, opts ...Option) *Semaphore {
	s := &Semaphore{slots: slots}
	s.init(path, opts, s.requestNow)
	s.isSlot, s.anyFile = true, false
	return s
}

// requestNow returns the request for any slot of the directory.
func (s *Semaphore) requestNow(create bool) (request, error) {
	dir, err := s.directory(s.ownCount())
	if err != nil {
		return request{}, err
	}
	count := s.slotCount
	if create {
		count = s.createdSlotCount
	}
	n, err := count(dir)
	if errors.Is(err, fs.ErrNotExist) && !create {
		n, err = 0, nil
	}
	if err != nil {
		return request{}, err
	}
	return s.requestIn(dir, n), nil
}

// directory returns the directory of the semaphore. It returns an error if the semaphore
// cannot have so many slots.
func (s *Semaphore) directory(slots int) (lockFile, error) {
	if err := s.checkCount(slots); err != nil {
		return lockFile{}, err
	}
	path, base, err := locate(s.given)
	return lockFile{path: path, base: base}, err
}

// ownCount returns the number of slots that the Semaphore was made with, or has used last.
func (s *Semaphore) ownCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slots
}

// checkCount returns an error if the semaphore cannot have so many slots.
func (s *Semaphore) checkCount(slots int) error {
	switch {
	case slots < 1:
		return s.invalid(fmt.Sprintf("a semaphore needs at least one slot, not %d", slots))
	case slots > maxSlots:
		return s.invalid(fmt.Sprintf("a semaphore can have at most %d slots, not %d", maxSlots, slots))
	case s.shared:
		return s.invalid("a semaphore cannot be shared: its slots are exclusive")
	}
	return nil
}

// requestIn returns the request for any of the n slots in the directory.
func (s *Semaphore) requestIn(dir lockFile, n int) request {
	r := request{given: s.given, key: dir.key(), semaphore: s, dir: dir}
	for i := range max(n, 1) { // once even without slots, because the request needs the gate
		var f lockFile
		f, r.gate = s.lockFile(cwd.Join(dir.path, strconv.Itoa(i+1)), cwd.Join(dir.path, slotsFile), dir.base)
		r.files = append(r.files, f)
	}
	r.files = r.files[:n]
	return r
}

// verifySlot returns errResized if the locked slot does not count any more: the number of
// slots may have become smaller during the wait, or the directory was replaced.
func (s *Semaphore) verifySlot(r request, h *hold) error {
	n, err := s.createdSlotCount(r.dir)
	if err != nil {
		return err
	}
	if slot, err := strconv.Atoi(filepath.Base(h.fl.Path())); err != nil || slot > n {
		return errResized
	}
	return nil
}

// resized returns the slots that the semaphore has now. It returns nil if their number is
// still the number in the request.
func (s *Semaphore) resized(r request) []lockFile {
	n, err := s.slotCount(r.dir)
	if err != nil || n == len(r.files) {
		return nil // verifySlot will return the error
	}
	return s.requestIn(r.dir, n).files
}

// errResized means that the number of slots has changed during an acquisition.
var errResized = errors.New("the number of slots has changed")
