package filelock

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"unsafe"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/gofrs/flock"
)

// A hold is an open lock file with the kernel's lock on it.
type hold struct {
	fl          *flock.Flock
	at          lockFile // the file as it was locked
	id          file.ID  // the locked file; zero = not known yet
	size        int64    // its size when it was locked
	regular     bool     // it is a regular file
	inheritable bool     // another process may have the open file: File gave it away, or Adopt took it over
	rec         recording

	network *bool // whether the file is on a network file system; nil = not known yet
	shown   bool  // Check has seen the lock in /proc
}

// held has the holds that the Locks and Semaphores of this process have acquired. It
// keeps them reachable: a program may drop a Lock that it wants to hold until it exits.
// If the file was garbage collected, its finalizer would close it and so release the
// lock (kubernetes #42929).
//
// Its mutex also makes the memory writes of one holder visible to the next one in
// this process, because the Go memory model does not know the kernel's lock. So the
// mutex is locked after the kernel's lock is acquired, and before it is released.
var held = struct {
	mu    sync.Mutex
	holds map[*hold]struct{}
}{holds: map[*hold]struct{}{}}

// keep adds the hold to held.
func (h *hold) keep() {
	held.mu.Lock()
	defer held.mu.Unlock()
	held.holds[h] = struct{}{}
}

// drop removes the hold from held, and reports whether it was there.
func (h *hold) drop() (was bool) {
	held.mu.Lock()
	defer held.mu.Unlock()
	_, was = held.holds[h]
	delete(held.holds, h)
	return was
}

// identify finds out which file is open.
func (h *hold) identify() error {
	if h.id != (file.ID{}) {
		return nil
	}
	f, err := h.osFile()
	if err != nil {
		return err
	}
	return h.identifyAs(f)
}

func (h *hold) identifyAs(f *os.File) error {
	at, err := file.Of(f)
	h.id, h.regular = at.ID, at.Mode.IsRegular()
	return err
}

// release unlocks and closes the file, which ends the hold for every process that
// inherited it. After an error the hold remains.
func (h *hold) release() error {
	h.removeRecord()
	kept := h.drop()
	err := h.fl.Unlock()
	if err == nil {
		return nil
	}
	if kept {
		h.keep()
	}
	return flockError(h.fl.Path(), err)
}

// leave closes the file, which ends the hold unless another process, or another
// descriptor of this process, has the open file too. If no other process was given the
// file, leave also unlocks it: a child process that is just being started has a copy of
// the descriptor until it calls execve(2).
func (h *hold) leave() error {
	if !h.inheritable {
		return h.release()
	}
	if _, err := h.osFile(); err != nil {
		return err
	}
	record := h.stopRecording()
	if err := h.close(); err != nil {
		return err
	}
	if record != nil {
		h.removeLeftRecord(record)
	}
	return nil
}

// unlock releases the lock, and leaves the file open.
func (h *hold) unlock() {
	if f, err := h.osFile(); err != nil || unlockOpen(f) != nil {
		h.release()
	}
}

// close closes the file, which releases the lock if no other process has the open file.
func (h *hold) close() error {
	h.drop()
	f, err := h.osFile()
	if err != nil {
		return h.fl.Unlock()
	}
	return f.Close()
}

// gofrs/flock has no accessors for its open file and for the state of the lock. So its
// private fields are read and set here. If a version has other fields,
// TestGofrsKeepsItsFile fails; then waiters poll, and methods that need the open file
// return errors.ErrUnsupported.
var (
	fileField, hasFile   = fieldOf[*os.File]("fh")
	lockField, hasLock   = fieldOf[bool]("l")
	rlockField, hasRLock = fieldOf[bool]("r")

	canSet = hasFile && hasLock && hasRLock
)

func fieldOf[T any](name string) (offset uintptr, ok bool) {
	field, ok := reflect.TypeFor[flock.Flock]().FieldByName(name)
	return field.Offset, ok && field.Type == reflect.TypeFor[T]()
}

// osFile returns the open file.
func (h *hold) osFile() (*os.File, error) {
	if !hasFile {
		return nil, fmt.Errorf("this version of gofrs/flock hides its file: %w", errors.ErrUnsupported)
	}
	return *(**os.File)(unsafe.Add(unsafe.Pointer(h.fl), fileField)), nil
}

// setFile makes f the open file of h, which has none yet.
func (h *hold) setFile(f *os.File) error {
	if _, err := h.osFile(); err != nil {
		return err
	}
	*(**os.File)(unsafe.Add(unsafe.Pointer(h.fl), fileField)) = f
	return nil
}

// setLocked makes gofrs/flock see that the open file is locked, as after a successful
// try, but without the system call. It needs canSet.
func (h *hold) setLocked(shared bool) {
	field := lockField
	if shared {
		field = rlockField
	}
	*(*bool)(unsafe.Add(unsafe.Pointer(h.fl), field)) = true
}
