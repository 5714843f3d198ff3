package filelock

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"unsafe"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/gofrs/flock"
)

// A handle is an open lock file with the kernel's lock on it: one hold.
type handle struct {
	fl      *flock.Flock
	dir     cwd.Dir // that its path begins in
	known   bool    // id and regular are known
	id      file.ID // the locked file
	size    int64   // its size when it was locked
	regular bool    // it is a regular file
	kept    bool    // it belongs to a Lock or a Semaphore; guarded by held.mu
	given   bool    // another process may have the open file: File gave it away, or Adopt took it over
	rec     recording

	at      target // the path to the file, as it was locked
	network *bool  // intact has found that the file system is one of the network, or not
	shown   bool   // intact has seen the lock
}

// held keeps every handle of this process reachable. A program may drop a Lock that
// it wants to hold until it exits. If the file was garbage collected, its
// finalizer would close it and so release the lock (kubernetes #42929).
//
// Its mutex also makes the memory writes of one holder visible to the next one in
// this process, because the Go memory model does not know the kernel's lock. So
// the mutex is locked after the kernel's lock is taken, and before it is released.
var held = struct {
	mu      sync.Mutex
	handles map[*handle]struct{}
}{handles: map[*handle]struct{}{}}

func (h *handle) register() {
	held.mu.Lock()
	defer held.mu.Unlock()
	held.handles[h] = struct{}{}
}

// identify finds out which file is open. A waiter does so before it blocks.
func (h *handle) identify() error {
	if h.known {
		return nil
	}
	f, err := h.open()
	if err != nil {
		return err
	}
	return h.identifyAs(f)
}

func (h *handle) identifyAs(f *os.File) error {
	at, err := file.Of(f)
	h.known, h.id, h.regular = err == nil, at.ID, at.Mode.IsRegular()
	return err
}

// keep marks a hold that a Lock or a Semaphore has acquired; other handles are
// still on their way to a waiter.
func (h *handle) keep() {
	held.mu.Lock()
	defer held.mu.Unlock()
	h.kept = true
}

// release unlocks and closes the file, which ends the hold for every process that
// inherited it. After an error the hold remains.
func (h *handle) release() error {
	h.withdraw()
	held.mu.Lock()
	delete(held.handles, h)
	held.mu.Unlock()
	err := h.fl.Unlock()
	if err != nil {
		held.mu.Lock()
		defer held.mu.Unlock()
		held.handles[h] = struct{}{}
		return flockError(h.fl.Path(), err)
	}
	return nil
}

// leave closes the file, which ends the hold unless another process, or another
// descriptor of this one, has the open file too. If none can have it, leave unlocks the
// file: a child process that is just being started has a copy of it, until it calls
// execve(2).
func (h *handle) leave() error {
	if !h.given {
		return h.release()
	}
	if _, err := h.open(); err != nil {
		return err
	}
	record := h.endRecord()
	if err := h.close(); err != nil {
		return err
	}
	if record != nil {
		h.removeLeft(record)
	}
	return nil
}

// unlock releases the lock, and leaves the file open.
func (h *handle) unlock() {
	if f, err := h.open(); err != nil || unlockOpen(f) != nil {
		h.release()
	}
}

// close closes the file. That releases the lock, if no other process has the open
// file.
func (h *handle) close() error {
	held.mu.Lock()
	delete(held.handles, h)
	held.mu.Unlock()
	f, err := h.open()
	if err != nil {
		return h.fl.Unlock()
	}
	return f.Close()
}

// gofrs/flock has no accessors for its open file and for the note that it is locked.
// They are read and set where it keeps them. If a version keeps them elsewhere,
// TestGofrsKeepsItsFile fails; then waiters poll, and what needs the open file
// returns errors.ErrUnsupported.
var (
	fileField, hasFile   = fieldOf[*os.File]("fh")
	lockField, hasLock   = fieldOf[bool]("l")
	rlockField, hasRLock = fieldOf[bool]("r")

	canNote = hasFile && hasLock && hasRLock
)

func fieldOf[T any](name string) (offset uintptr, ok bool) {
	field, ok := reflect.TypeFor[flock.Flock]().FieldByName(name)
	return field.Offset, ok && field.Type == reflect.TypeFor[T]()
}

// open returns the open file.
func (h *handle) open() (*os.File, error) {
	if !hasFile {
		return nil, fmt.Errorf("this version of gofrs/flock hides its file: %w", errors.ErrUnsupported)
	}
	return *(**os.File)(unsafe.Add(unsafe.Pointer(h.fl), fileField)), nil
}

// put makes the open file that of h, which has none yet.
func (h *handle) put(f *os.File) error {
	if _, err := h.open(); err != nil {
		return err
	}
	*(**os.File)(unsafe.Add(unsafe.Pointer(h.fl), fileField)) = f
	return nil
}

// noteLocked notes that the open file is locked, as a successful try would, without
// the system call. It needs canNote.
func (h *handle) noteLocked(shared bool) {
	note := lockField
	if shared {
		note = rlockField
	}
	*(*bool)(unsafe.Add(unsafe.Pointer(h.fl), note)) = true
}
