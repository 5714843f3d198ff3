package filelock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/flockwait"
)

// How the number of slots changes.
//
// Only the number in the file slots says which slots count. A process that has locked a
// slot reads the number again, and releases the slot if the slot does not count. So during
// these steps there are never too many holders, and if the process dies after any step,
// the semaphore still works:
//
//  1. lock the file resize.lock, which keeps other resizers out;
//  2. to grow: create the new slots, which do not count yet;
//     to shrink: lock the slots that will be removed, so that no process holds them;
//  3. write the new number into the file slots.new, and rename the file to slots. Now the
//     new number counts;
//  4. to shrink: remove the slots that do not count any more while they are locked, so
//     that a process that waits for one finds that it was removed;
//  5. remove resize.lock, and release everything.
//
// A waiter that has read the old number may create a slot that was removed. The slot does
// not count and does no harm: the next Resize uses it.

// The names of files in a semaphore's directory during a change.
const (
	resizeLock = "resize.lock"
	newSlots   = "slots.new"
)

// resizeWait is how long Resize waits for another Resize, whose process may be stopped.
// The time is short, because a program may have a time limit of its own.
var resizeWait = time.Second

// Resize changes the number of slots, also while slots are held. Other Semaphores, in this
// process or in others, that have used the directory before use the new number from their
// next Acquire on. New Semaphores must be made with the new number. If there is no
// directory, Resize creates it.
//
// New slots can be acquired at once; a process that already waits notices them within a
// second. To make the number smaller, the last slots must be free: to go from 5
// to 3, slots 4 and 5. Otherwise nothing changes, and the error is a [*LockedError] that
// names the held slots and their holders. During the call, other processes may find free
// slots held for a moment.
//
// During the change there are never more holders than the larger of the two
// numbers, and after Resize has returned, never more than slots. If the process dies
// during the change, the number is the old or the new one.
//
// If two processes resize a semaphore, one waits for the other for at most a second, and
// then returns a LockedError too, with the path of the file resize.lock. Any other error is an [*fs.PathError]: it is
// [fs.ErrInvalid] if the number is less than 1 or more than 10,000, and
// [fs.ErrPermission] if this process may not write in the directory.
func (s *Semaphore) Resize(slots int) error {
	dir, err := s.directory(slots)
	if err != nil {
		return err
	}
	at, err := dir.current()
	if err != nil {
		return err
	}
	n, err := readSlots(cwd.Join(at.path, slotsFile))
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.make(at.path, slots); err == nil {
			n, err = readSlots(cwd.Join(at.path, slotsFile))
		}
	}
	if err != nil {
		return s.explain(at.path, err)
	}
	if n != slots {
		if err := s.resize(dir, at.path, slots); err != nil {
			return err
		}
	}
	return s.settle(at.path, slots)
}

// settle makes the Semaphore use the number of slots of its resized directory.
func (s *Semaphore) settle(path string, slots int) error {
	used, err := identifyDirectory(path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots, s.used, s.read = slots, used, file.Info{} // the file has changed
	return nil
}

// resize changes the number of slots in the directory.
func (s *Semaphore) resize(dir lockFile, path string, slots int) error {
	r, err := s.beginResize(dir, path)
	if err != nil {
		return s.notResized(slots, err)
	}
	defer r.end()
	switch {
	case slots > r.n:
		err = r.grow(slots)
	case slots < r.n:
		err = r.shrink(slots)
	}
	return s.notResized(slots, err)
}

// notResized returns the error of a Resize.
func (s *Semaphore) notResized(slots int, err error) error {
	var at *fs.PathError
	switch {
	case err == nil, errors.Is(err, ErrLocked), errors.Is(err, fs.ErrInvalid):
		return err
	case errors.As(err, &at):
		err = at.Err // without a path that the caller has not given
	}
	return &fs.PathError{Op: "resize", Path: s.given, Err: fmt.Errorf("the number of slots cannot be changed to %d: %w", slots, err)}
}

// A resizer changes the number of slots in a directory. It has the directory open, and
// so does not change another directory that replaces it.
type resizer struct {
	s    *Semaphore
	dir  lockFile
	root *os.Root
	lock *Lock       // on resize.lock in root
	n    int         // the number of slots
	like fs.FileInfo // the file slots
}

// beginResize takes the lock that keeps other resizers out, and then reads the number.
func (s *Semaphore) beginResize(dir lockFile, path string) (*resizer, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	lock := New(cwd.Join(path, resizeLock), Perm(s.perm))
	r := &resizer{s: s, dir: dir, root: root, lock: lock}
	if err := acquireSoon(lock); err != nil {
		root.Close()
		return nil, err
	}
	if err := r.isHere(resizeLock, lock.holds[0]); err != nil {
		lock.Release()
		root.Close()
		return nil, err
	}
	r.like, err = root.Lstat(slotsFile)
	if err == nil {
		r.n, err = readSlots(cwd.Join(path, slotsFile))
	}
	if err != nil {
		r.end()
	}
	return r, err
}

// acquireSoon takes a lock that other processes hold only for a short time. It polls and
// uses no gate, because a gate may stay in the directory when the process ends.
func acquireSoon(l *Lock) error {
	ctx, cancel := context.WithTimeout(context.Background(), resizeWait)
	defer cancel()
	for pause := (flockwait.Pause{}); ; {
		ok, err := l.TryAcquire()
		switch {
		case ok, err != nil:
			return err
		case !pause.Wait(ctx):
			return &LockedError{Path: l.given, Holders: Inspect(l)[0].LikelyHolders()}
		}
	}
}

// end releases the lock, and first removes the lock file.
func (r *resizer) end() {
	r.root.Remove(resizeLock)
	r.lock.Release()
	r.root.Close()
}

// isHere returns an error unless the locked file is in the open directory. Another
// directory may be at the path now.
func (r *resizer) isHere(name string, h *hold) error {
	f, err := h.osFile()
	if err != nil {
		return err
	}
	locked, err := f.Stat()
	if err != nil {
		return err
	}
	at, err := r.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(at, locked) {
		err = errors.New("the directory was replaced meanwhile")
	}
	return err
}

func (r *resizer) grow(slots int) error {
	for i := r.n + 1; i <= slots; i++ {
		f, err := r.create(strconv.Itoa(i))
		if err == nil {
			err = f.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	r.reached(slotsMade)
	return r.write(slots)
}

func (r *resizer) shrink(slots int) error {
	all := r.s.requestIn(r.dir, r.n)
	var held []*hold
	defer func() {
		for _, h := range held {
			h.release()
		}
	}()
	var busy []int
	for i := r.n; i > slots; i-- {
		h, err := all.files[i-1].try()
		if err == errBusy {
			busy = append(busy, i)
			continue
		}
		if err != nil {
			return err
		}
		held = append(held, h)
		if err := r.isHere(strconv.Itoa(i), h); err != nil {
			return err
		}
	}
	if len(busy) > 0 {
		return inTheWay(all, slots, busy)
	}
	r.reached(slotsLocked)
	if err := r.write(slots); err != nil {
		return err
	}
	for i := r.n; i > slots; i-- {
		r.root.Remove(strconv.Itoa(i)) // a slot that stays does not count
		r.reached(slotRemoved)
	}
	return nil
}

// write makes the number of slots the new one, in one step.
func (r *resizer) write(slots int) error {
	r.root.Remove(newSlots) // a process that died here has left it
	f, err := r.create(newSlots)
	if err != nil {
		return err
	}
	_, err = f.Write(numberText(slots))
	err = cmp.Or(err, f.Sync(), f.Close())
	if err == nil {
		r.reached(numberWritten)
		err = r.root.Rename(newSlots, slotsFile)
	}
	if err != nil {
		r.root.Remove(newSlots)
		return err
	}
	r.reached(numberNamed)
	return nil
}

// create creates a file with the mode and, if possible, the owner of the file slots, so
// that the same users can use the semaphore as before.
func (r *resizer) create(name string) (*os.File, error) {
	f, err := r.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, r.like.Mode().Perm())
	if err != nil {
		return nil, err
	}
	likeOwner(f, r.like)
	if err := f.Chmod(r.like.Mode().Perm()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		f.Close()
		return nil, err
	}
	return f, nil
}

// The steps of a change. Tests end the process between them.
const (
	slotsMade step = 100 + iota
	slotsLocked
	numberWritten
	numberNamed
	slotRemoved
)

func (r *resizer) reached(at step) { reached(at, r.s.given) }

// inTheWay returns the error of a Resize that needs slots which are held.
func inTheWay(all request, slots int, busy []int) error {
	slices.Sort(busy)
	e := &LockedError{Path: all.given, resize: slots, busy: busy}
	for _, h := range all.state(true).Holders {
		if slices.Contains(busy, h.Slot) {
			e.Holders = append(e.Holders, h)
		}
	}
	return e
}
