package filelock

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"unsafe"

	"github.com/gofrs/flock"
)

// A handle is an open lock file with the kernel's lock on it: one hold.
type handle struct {
	fl *flock.Flock
}

// held keeps every handle of this process reachable. A program may drop a
// held Lock and mean to hold it until it exits; were the file collected, its
// finalizer would close it and so give the lock away (kubernetes #42929).
//
// Its mutex also carries what one goroutine did under the lock to the next one
// that gets it: the Go memory model knows nothing of the kernel's locks. So it
// is passed after the kernel's lock is taken and before that is given up.
var held = struct {
	mu      sync.Mutex
	handles map[*handle]struct{}
}{handles: map[*handle]struct{}{}}

func newHandle(fl *flock.Flock) *handle {
	h := &handle{fl}
	held.mu.Lock()
	defer held.mu.Unlock()
	held.handles[h] = struct{}{}
	return h
}

// release unlocks and closes the file. It ends the hold for every process that
// inherited it. After an error the hold stands.
func (h *handle) release() error {
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

// file returns the open file where gofrs/flock keeps it. That package has no
// accessor; TestGofrsKeepsItsFile fails on the day it keeps it elsewhere, and
// a program built with such a version gets errors.ErrUnsupported from here.
func (h *handle) file() (*os.File, error) {
	field := reflect.ValueOf(h.fl).Elem().FieldByName("fh")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*os.File]() {
		return nil, fmt.Errorf("this version of gofrs/flock hides its file: %w", errors.ErrUnsupported)
	}
	return *(**os.File)(unsafe.Pointer(field.UnsafeAddr())), nil
}
