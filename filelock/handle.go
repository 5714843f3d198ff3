package filelock

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"unsafe"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/gofrs/flock"
)

// A handle is an open lock file with the kernel's lock on it: one hold.
type handle struct {
	fl      *flock.Flock
	dir     cwd.Dir // that its path begins in
	file    fileID  // the locked file
	size    int64   // its size when it was locked
	regular bool    // it is a regular file
	kept    bool    // it belongs to a Lock or a Semaphore; guarded by held.mu
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

func newHandle(fl *flock.Flock, dir cwd.Dir) *handle {
	h := &handle{fl: fl, dir: dir}
	held.mu.Lock()
	defer held.mu.Unlock()
	held.handles[h] = struct{}{}
	return h
}

// keep marks a hold that a Lock or a Semaphore has acquired; other handles are
// still on their way to a waiter.
func (h *handle) keep() {
	held.mu.Lock()
	defer held.mu.Unlock()
	h.kept = true
}

// keptHere reports whether this process holds a lock on the file.
func keptHere(file fileID) bool {
	held.mu.Lock()
	defer held.mu.Unlock()
	for h := range held.handles {
		if h.kept && sameFile(h.file, file) {
			return true
		}
	}
	return false
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
// descriptor of this one, has the open file too.
func (h *handle) leave() error {
	f, err := h.open()
	if err != nil {
		return err
	}
	record := h.endRecord()
	held.mu.Lock()
	delete(held.handles, h)
	held.mu.Unlock()
	if err := f.Close(); err != nil {
		return err
	}
	if record != nil {
		h.removeLeft(record)
	}
	return nil
}

// open returns the open file.
func (h *handle) open() (*os.File, error) {
	f, err := fileOf(h.fl)
	if err != nil {
		return nil, err
	}
	return *f, nil
}

// fileOf returns the field in which gofrs/flock keeps its open file, because that
// package has no accessor. If a version keeps the file elsewhere,
// TestGofrsKeepsItsFile fails, and fileOf returns errors.ErrUnsupported.
func fileOf(fl *flock.Flock) (**os.File, error) {
	field := reflect.ValueOf(fl).Elem().FieldByName("fh")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*os.File]() {
		return nil, fmt.Errorf("this version of gofrs/flock hides its file: %w", errors.ErrUnsupported)
	}
	return (**os.File)(unsafe.Pointer(field.UnsafeAddr())), nil
}
