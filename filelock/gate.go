package filelock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/later"
)

// A gate is a turnstile: a second lock file, .NAME.gate, that waiters of all
// processes pass one at a time. The waiter that holds the gate waits for the lock
// itself, and releases the gate when it has the lock. This gives two promises
// that flock(2) does not give: a process that releases and acquires in a loop does
// not overtake waiters, and a stream of overlapping readers lets a waiting writer
// in.
//
// The gate exists only while a process waits, so it costs almost nothing
// otherwise: without a gate a process tries the lock at once, with a gate it
// waits behind it. A gate is a hint. If it cannot be made, or a crash left one,
// locks still exclude each other, in the kernel's order. The gate is locked like
// any lock file: if it is removed, waiters make a new one, and a dead process
// does not hold it.
//
// flock(1) and other programs do not know the gate, and may overtake.
type gate struct {
	of string // the key of its lock or semaphore
	lockFile
	calm atomic.Int64         // when the gate was last seen to be missing, since epoch
	left atomic.Pointer[hold] // its open file, after a waiter of this process has left it
}

// distrusted has the files at the paths of gates that this process ignores, until
// another file is at the path.
var distrusted sync.Map // string -> distrust

type distrust struct {
	file  file.Info // an ID that is used again must not make the next gate one to ignore
	until time.Time // its holder is stopped; forGood = the gate cannot be removed
}

// stuckFor is how long a process ignores a gate whose holder was stopped. Then one
// waiter finds out whether it still is.
const stuckFor = 5 * time.Second

// distrust marks the file now at the gate's path as one to ignore, until then or, with
// forGood, as long as it is there.
func (g *gate) distrust(until time.Time) {
	if at, err := g.birth(); err == nil && at.Exists {
		distrusted.Store(g.key(), distrust{at, until})
	}
}

var forGood time.Time

// ignored reports whether the file now at the gate's path is one to ignore, and whether
// that is so because its holder is stopped.
func (g *gate) ignored() (yes, stuck bool) {
	value, ok := distrusted.Load(g.key())
	if !ok {
		return false, false
	}
	d := value.(distrust)
	stuck = d.until != forGood
	if at, err := g.birth(); err != nil || !at.Is(d.file) || stuck && time.Now().After(d.until) {
		distrusted.Delete(g.key())
		return false, false
	}
	return true, stuck
}

func (g *gate) birth() (file.Info, error) {
	t, err := g.now()
	if err != nil {
		return file.Info{}, err
	}
	return file.LstatBirth(t.path)
}

// trust is called after the gate is passed: its former holder is no longer stopped
// there.
func (g *gate) trust() {
	if d, ok := distrusted.Load(g.key()); ok && d.(distrust).until != forGood {
		distrusted.Delete(g.key())
	}
}

// epoch makes times from the monotonic clock fit an atomic.
var epoch = time.Now()

// calmFor is how long a process does not look again after it has found no gate.
// It limits the cost of looking in a tight loop, and how long such a loop may
// overtake a new waiter.
const calmFor = 50 * time.Microsecond

// gateOf returns the gate for a path. Its own path is empty if there can be no
// gate.
func gateOf(path string, in cwd.Dir, perm fs.FileMode) *gate {
	g := &gate{of: in.Key(path)}
	dir, base := filepath.Split(strings.TrimRight(path, string(filepath.Separator)))
	if gates && base != "" && base != "." && base != ".." {
		g.lockFile = lockFile{path: dir + "." + base + ".gate", base: in, perm: perm, isGate: true}
	}
	return g
}

// inUse reports whether a waiter of any process uses the gate.
func (g *gate) inUse() bool {
	if g.path == "" {
		return false
	}
	now := time.Since(epoch)
	if last := g.calm.Load(); last != 0 && now < time.Duration(last)+calmFor {
		return false
	}
	if at, err := g.statNow(); err == nil && at.Exists {
		ignored, _ := g.ignored()
		return !ignored
	}
	g.calm.Store(int64(now))
	return false
}

// pass waits at the gate until ctx ends. If the gate is stuck, it does not wait: errStuck
// means that the waiter has to go on without the gate.
func (g *gate) pass(ctx context.Context, w *waiter) (*hold, error) {
	if _, stuck := g.ignored(); !stuck {
		return g.lock(ctx, w.until(ctx))
	}
	h, err := g.try()
	if err == errBusy {
		err = errStuck
	}
	return h, err
}

var errStuck = errors.New("the process that holds the gate is stopped")

// passed learns from the error with which a waiter goes on after the gate.
func (g *gate) passed(err error) {
	switch {
	case err == nil:
		g.trust()
	case errors.Is(err, fs.ErrInvalid), errors.Is(err, fs.ErrPermission):
		g.distrust(forGood) // the file is not a gate, or may not be opened
	}
}

// leave releases the gate, so that the next waiter can pass. h is nil if there was no
// gate. If the waiter has the lock, the rest can wait until its Acquire has returned:
// to close the file, and to remove it if no process waits.
func (g *gate) leave(h *hold, granted bool) {
	if h == nil {
		return
	}
	h.unlock()
	if former := g.left.Swap(h); former != nil {
		former.close()
	}
	if granted {
		gatesLeft.Add(g)
	} else {
		g.sweepLeft()
	}
}

// gatesLeft has the gates of waiters that got the lock. The gate is removed when the
// lock is released, or else some time after the acquisition. If this process ends
// before, a later waiter removes the gate.
var gatesLeft = later.Calls[*gate]{Every: 10 * time.Millisecond, Do: (*gate).sweepLeft}

// sweepLeft closes the gate that a waiter of this process has left, if there is one,
// and removes it if no process waits for it.
func (g *gate) sweepLeft() {
	if g == nil {
		return
	}
	h := g.left.Swap(nil)
	if h == nil { // nearly always
		return
	}
	hideWaiter(h) // before the look: of two processes that leave, one sees that it is the last
	reached(leaving, g.path)
	waitedFor := isWaitedFor(h)
	h.close()
	if !waitedFor {
		g.sweep()
	}
}

// sweep removes the gate if no process holds it or waits for it. If one does, it
// removes the gate itself later. If a process begins to wait just then, it notices
// the removal, and makes a new gate.
func (g *gate) sweep() { g.sweepAgain(time.Millisecond) }

// sweepAgain sweeps again later if the gate is used. That may be only for a moment: by
// another process that sweeps, or by a child process that is between fork and execve
// and has copies of all descriptors.
func (g *gate) sweepAgain(pause time.Duration) {
	if used := g.trySweep(); used && pause < time.Second {
		time.AfterFunc(pause, func() { g.sweepAgain(2 * pause) })
	}
}

// trySweep distrusts a file that is not a gate, or that it may not remove; otherwise
// that would look like a gate for ever.
func (g *gate) trySweep() (used bool) {
	f := g.lockFile
	f.noCreate = true
	h, err := f.try()
	if err != nil {
		return err == errBusy
	}
	defer h.release()
	if f, err = f.now(); err != nil {
		return false
	}
	if isWaitedFor(h) {
		return true
	}
	if h.isGate() {
		if err := os.Remove(f.path); err == nil || errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	g.distrust(forGood)
	return false
}
