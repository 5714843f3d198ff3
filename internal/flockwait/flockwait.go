// Package flockwait waits in the kernel for a flock(2) lock, and can be called
// back from there.
//
// A blocked flock(2) ends when the lock is granted, or when a signal interrupts
// it. A Go program has no use for the second way: the Go runtime installs its
// signal handlers with SA_RESTART, so the kernel starts the call again (signal(7)).
// But the kernel starts it again with the number of the descriptor. So, on Linux, a
// call is called back in two steps: another open file is put behind the number
// (dup3(2)), one that cannot be locked, and the thread gets a signal. The call
// starts again, finds the other file, and returns.
//
// The signal is SIGURG. The Go runtime sends it to its threads all the time to
// preempt goroutines, so every Go program is prepared for it.
package flockwait

import (
	"context"
	"math/rand/v2"
	"time"
)

// The shortest and the longest pause between two tries of a waiter that polls.
const (
	minPause = time.Millisecond
	maxPause = 25 * time.Millisecond
)

// A Pause is the pause between two tries of a waiter that cannot wait in the
// kernel. The zero Pause is short, and it gets longer.
type Pause struct{ length time.Duration }

// Next returns the length of the next pause. It is random, so that waiters do not
// try all at the same time.
func (p *Pause) Next() time.Duration {
	p.length = max(min(2*p.length, maxPause), minPause)
	return p.length/2 + rand.N(p.length/2)
}

// Wait waits for the next pause, and reports false if ctx ends first.
func (p *Pause) Wait(ctx context.Context) bool {
	timer := time.NewTimer(p.Next())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Reached is called between the steps of a [Call] with its descriptor, so that tests
// can act there.
var Reached = func(_ Step, fd int) {}

// A Step is where a Call has come to.
type Step int

const (
	Begun        Step = iota // before the system call; Back would interrupt it
	Returned                 // after the system call; Back would still give the lock back
	Interrupting             // Back has put the other file in place, and will send the signal
	Interrupted              // Back has done all it does
)
