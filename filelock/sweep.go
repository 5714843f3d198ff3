package filelock

import (
	"os"
	"time"
)

// gatesLeft has the gates of waiters that got the lock. The gate is removed when the
// lock is released, or else some time after the acquisition. If this process ends
// before, a later waiter removes the gate.
var gatesLeft = later[*gate]{every: 10 * time.Millisecond, do: (*gate).sweepLeft}

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
	waitedFor := isWaitedFor(h)
	h.close()
	if !waitedFor {
		g.sweep()
	}
}

// sweep removes the gate if no process holds it or waits for it. A process that begins
// to wait just then notices the removal, and makes a new gate. sweep distrusts a
// file that is not a gate, or that it may not remove; otherwise that would look like a
// gate for ever.
func (g *gate) sweep() {
	t := g.target
	t.absent = true
	h, err := t.try()
	if err != nil {
		return
	}
	defer h.release()
	if t, err = t.now(); err != nil || isWaitedFor(h) {
		return
	}
	if !h.isGate() || os.Remove(t.path) != nil {
		distrusted.Store(g.key(), distrust{h.file, true})
	}
}
