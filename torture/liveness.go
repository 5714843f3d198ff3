//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// checkFree checks, after all processes have ended, that every lock is free and can be taken
// at once, and that no file is left that should not be.
func (r *round) checkFree() {
	for _, o := range r.plan.objects {
		switch o.kind {
		case exclusiveLock, sharedLock:
			r.checkFreeLock(o)
		case semaphore:
			r.checkFreeSemaphore(o)
		}
	}
	r.checkFiles()
}

// A holder that another process has started may still be about to end.
func tryUntilFree(try func() (bool, error)) (bool, error) {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		taken, err := try()
		if taken || err != nil || time.Now().After(end) {
			return taken, err
		}
	}
}

// checkFreeLock takes the lock, waits for it in vain once, and releases it. So a gate that a
// killed process has left is removed.
func (r *round) checkFreeLock(o object) {
	l, waiter := filelock.New(r.path(o)), filelock.New(r.path(o))
	taken, err := tryUntilFree(l.TryAcquire)
	if !taken {
		r.violated("not free", "%s: at the end the lock cannot be taken: %v", o.path, err)
		return
	}
	twice, err := waiter.TryAcquireFor(2 * time.Millisecond)
	if twice || err != nil {
		r.violated("exclusion", "%s: at the end a second process got the lock: %v, %v", o.path, twice, err)
	}
	if err := l.Release(); err != nil {
		r.violated("error", "%s: release at the end: %v", o.path, err)
	}
	r.checkNoGate(r.path(o))
}

func (r *round) checkNoGate(path string) {
	for end := time.Now().Add(patience); gateIsThere(path); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.violated("left over", "the gate of %s is still there", path)
			return
		}
	}
}

// checkFreeSemaphore takes all slots, and no more.
func (r *round) checkFreeSemaphore(o object) {
	slots := r.lastNumber(o)
	s := filelock.NewSemaphore(r.path(o), slots)
	for i := range slots {
		if taken, err := tryUntilFree(s.TryAcquire); !taken {
			r.violated("not free", "%s: at the end only %d of %d slots can be taken: %v", o.path, i, slots, err)
			return
		}
	}
	more, err := filelock.NewSemaphore(r.path(o), slots).TryAcquireFor(2 * time.Millisecond)
	if more || err != nil {
		r.violated("permits", "%s: at the end there is another slot: %v, %v", o.path, more, err)
	}
	for range slots {
		err = errors.Join(err, s.Release())
	}
	if err != nil {
		r.violated("error", "%s: release at the end: %v", o.path, err)
	}
	r.checkNoGate(filepath.Join(r.path(o), "slots"))
}

// lastNumber returns the number of slots at the end. It puts it into the history, so that the
// checks see whether it can be that number.
func (r *round) lastNumber(o object) int {
	if !o.resized {
		return o.permit
	}
	n, err := filelock.Slots(r.path(o))
	if errors.Is(err, os.ErrNotExist) { // no process has used it
		return o.permit
	}
	if err != nil {
		r.violated("error", "%s: the number of slots at the end: %v", o.path, err)
		return o.permit
	}
	r.lastNumbers = append(r.lastNumbers, &operation{span: span{now(), now()}, op: opSlots, result: ok, objects: o.mask(), slept: int64(n)})
	if _, err := os.Lstat(filepath.Join(r.path(o), "resize.lock")); err == nil && !r.plan.anyFault(func(f *fault) bool { return f.kills }) {
		r.violated("left over", "%s: the file resize.lock", o.path)
	}
	return n
}

// The files that may stay: the objects, their tombstones, and, if processes were killed or
// could not reach a directory, what they were about to make.
var (
	lasting    = regexp.MustCompile(`^(\.|still|other|moving|tidied|bare|foreign|kept|old|set|by|place[12]|reborn|.*-too|[^.].*\.(lock|sem|event)|\.fsync|.*\.event\.pulse|slots|[0-9]+)$`)
	unfinished = regexp.MustCompile(`^(\.fsync\.[0-9a-f]+|[0-9a-f]+\.(new|taken)|slots\.([0-9a-f]+|new)|.*\.event\.pulse\.old)$`)
)

func (r *round) checkFiles() {
	interrupts := r.plan.uses(fsyncLock) || r.plan.anyFault(func(f *fault) bool { return f.kills || f.movesDirs || f.remakes })
	filepath.WalkDir(r.objects(), func(path string, d os.DirEntry, err error) error {
		name := d.Name()
		switch {
		case path == r.objects(), lasting.MatchString(name), interrupts && unfinished.MatchString(name):
		default:
			r.violated("left over", "the file %s", path)
		}
		return err
	})
}
