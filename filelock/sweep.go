package filelock

import (
	"os"
	"time"
)

// Gates that waiters of this process have left are removed if no process uses them:
// soon, when the waiter has given up the wait; otherwise when it releases the lock,
// or during a long hold. If this process ends before, a later waiter removes them.

// sweepAfter is the shortest time between the leaving of a gate and its removal. If
// there is a next waiter, it holds the gate by then. If a process begins to wait for
// the gate just before its removal, it notices that, and makes a new gate.
const sweepAfter = 500 * time.Microsecond

// gatesLeft has the gates of waiters that got the lock.
var gatesLeft = later[*gate]{after: sweepAfter, every: 10 * time.Millisecond, do: (*gate).sweep}

// sweepLeft removes the gate of a lock that is being released, if it was left long
// enough ago.
func (g *gate) sweepLeft() {
	if g != nil && gatesLeft.take(g, sweepAfter) {
		g.sweep()
	}
}

// sweep removes the gate if no process holds it. It distrusts a file that is not a
// gate, or that it may not remove; otherwise that would look like a gate for ever.
func (g *gate) sweep() {
	t := g.target
	t.absent = true
	h, err := t.try()
	if err != nil {
		return
	}
	defer h.release()
	if t, err = t.now(); err != nil {
		return
	}
	if !h.isGate() || os.Remove(t.path) != nil {
		distrusted.Store(g.key(), distrust{h.file, true})
	}
}
