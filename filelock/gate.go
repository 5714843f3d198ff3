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

// A gate is a turnstile: a second lock file, .NAME.gate, that the waiters of all
// processes pass one at a time. The waiter that holds the gate waits for the lock, and
// releases the gate when it has the lock. So this package can promise what flock(2) does
// not promise: a process that releases and acquires in a loop does not overtake waiters,
// and a stream of overlapping readers lets a waiting writer in.
//
// The gate exists only while a process waits. If there is no gate, a process tries the
// lock at once, so gates cost almost nothing while no process waits. If there is a gate,
// the process waits at the gate.
//
// A gate is a hint. If it cannot be created, or if a crash left one behind, locks still
// exclude each other, and waiters get them in the kernel's order. The gate is locked like
// any lock file: if it is removed, waiters create a new one, and a dead process does not
// hold it.
//
// flock(1) and other programs do not know the gate, and may overtake.
type gate struct {
	of       string // the key of its lock or semaphore
	lockFile        // its path is empty if there can be no gate

	missing atomic.Int64         // when this process last found no gate: nanoseconds since epoch
	left    atomic.Pointer[hold] // the open gate that a waiter of this process has passed
}

// distrusted has the gates that this process ignores, by their keys.
var distrusted sync.Map // string -> distrust

// A distrust makes this process ignore a gate until another file is at its path.
type distrust struct {
	file  file.Info // the ignored gate, with its time of birth: a later gate may get the same ID
	until time.Time // the end, if the holder of the gate is stopped; forGood if the gate cannot be removed
}

// forGood is the end of a distrust that lasts as long as the file is there.
var forGood time.Time

// stuckFor is how long a process ignores a gate whose holder is stopped. Afterwards, one
// waiter finds out whether the holder is still stopped.
const stuckFor = 5 * time.Second

// distrust makes this process ignore the file that is now at the gate's path.
func (g *gate) distrust(until time.Time) {
	if at, err := g.statBirth(); err == nil && at.Exists {
		distrusted.Store(g.key(), distrust{at, until})
	}
}

// ignored reports whether this process ignores the file that is now at the gate's path.
// stuck means that the reason is a stopped process, which holds the gate.
func (g *gate) ignored() (yes, stuck bool) {
	value, ok := distrusted.Load(g.key())
	if !ok {
		return false, false
	}
	d := value.(distrust)
	stuck = d.until != forGood
	if at, err := g.statBirth(); err != nil || !at.Is(d.file) || stuck && time.Now().After(d.until) {
		distrusted.Delete(g.key())
		return false, false
	}
	return true, stuck
}

// statBirth describes the file that is now at the gate's path, with its time of birth.
func (g *gate) statBirth() (file.Info, error) {
	f, err := g.current()
	if err != nil {
		return file.Info{}, err
	}
	return file.LstatBirth(f.path)
}

// trust ends the distrust of a stuck gate when a waiter has passed it.
func (g *gate) trust() {
	if d, ok := distrusted.Load(g.key()); ok && d.(distrust).until != forGood {
		distrusted.Delete(g.key())
	}
}

// epoch is the time from which gate.missing counts.
var epoch = time.Now()

// missingFor is how long a process that has found no gate does not look for one again. A
// tight loop of Acquire and Release then rarely looks, and may overtake a new waiter only
// for this time.
const missingFor = 50 * time.Microsecond

// gateOf returns the gate for a path that starts in the directory base.
func gateOf(path string, base cwd.Dir, perm fs.FileMode) *gate {
	g := &gate{of: base.Key(path)}
	dir, name := filepath.Split(strings.TrimRight(path, string(filepath.Separator)))
	if hasGates && name != "" && name != "." && name != ".." {
		g.lockFile = lockFile{path: dir + "." + name + ".gate", base: base, perm: perm, isGate: true}
	}
	return g
}

// inUse reports whether there is a gate, and this process does not ignore it. Then a
// process probably holds the gate or waits at it.
func (g *gate) inUse() bool {
	if g.path == "" {
		return false
	}
	now := time.Since(epoch)
	if last := g.missing.Load(); last != 0 && now < time.Duration(last)+missingFor {
		return false
	}
	if at, err := g.statCurrent(); err == nil && at.Exists {
		ignored, _ := g.ignored()
		return !ignored
	}
	g.missing.Store(int64(now))
	return false
}

// pass waits at the gate until ctx ends. If the gate is stuck, pass does not wait but
// returns errStuck: the waiter goes on without the gate.
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

// passed updates the distrust of the gate by the error that pass returned.
func (g *gate) passed(err error) {
	switch {
	case err == nil:
		g.trust()
	case errors.Is(err, fs.ErrInvalid), errors.Is(err, fs.ErrPermission):
		g.distrust(forGood) // the file is not a gate, or may not be opened
	}
}

// leave releases the gate, so that the next waiter can pass. h is nil if there was no
// gate. The file is closed, and removed if no process waits. If the waiter has the lock
// (granted), that is done later, so that its Acquire returns sooner.
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

// gatesLeft has the gates that waiters of this process have passed. A gate is removed
// when the lock is released, or some milliseconds after the acquisition if the hold
// lasts longer. If this process ends earlier, a later waiter removes the gate.
var gatesLeft = later.Calls[*gate]{Every: 10 * time.Millisecond, Do: (*gate).sweepLeft}

// sweepLeft closes the gate that a waiter of this process has passed, if there is one,
// and removes it if no process waits for it.
func (g *gate) sweepLeft() {
	if g == nil {
		return
	}
	h := g.left.Swap(nil)
	if h == nil { // nearly always
		return
	}
	hideWaiter(h) // before isWaitedFor: if two processes leave at once, one of them must see no other
	waitedFor := isWaitedFor(h)
	reached(leaving, g.path)
	h.close()
	if !waitedFor {
		g.sweep()
	}
}

// sweep removes the gate if no process holds it or waits for it. Otherwise that process
// removes the gate later. A process that begins to wait during the removal notices that
// the file is gone, and creates a new gate.
func (g *gate) sweep() { g.sweepAgain(time.Millisecond) }

// sweepAgain sweeps now, and again later if the gate is used. The use may be short: another
// process sweeps too, or a child process that has not called execve(2) yet has copies of
// all descriptors.
func (g *gate) sweepAgain(pause time.Duration) {
	if used := g.trySweep(); used && pause < time.Second {
		time.AfterFunc(pause, func() { g.sweepAgain(2 * pause) })
	}
}

// trySweep removes the gate unless it is used. It distrusts a file that is not a gate or
// cannot be removed: otherwise this process would wait at that file for ever.
func (g *gate) trySweep() (used bool) {
	f := g.lockFile
	f.noCreate = true
	h, err := f.try()
	if err != nil {
		return err == errBusy
	}
	defer h.release()
	if f, err = f.current(); err != nil {
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
