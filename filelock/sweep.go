package filelock

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/fsync-lock/fsync/internal/later"
)

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
	t := g.target
	t.absent = true
	h, err := t.try()
	if err != nil {
		return err == errBusy
	}
	defer h.release()
	if t, err = t.now(); err != nil {
		return false
	}
	if isWaitedFor(h) {
		return true
	}
	if h.isGate() {
		if err := os.Remove(t.path); err == nil || errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	g.distrust(forGood)
	return false
}
