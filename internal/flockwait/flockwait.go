// Package flockwait waits in the kernel for a flock(2) lock, and can end such a wait.
//
// A blocked flock(2) ends when the lock is granted, or when a signal interrupts it. In a
// Go program, a signal alone does not end it: the Go runtime installs its signal handlers
// with SA_RESTART, so the kernel starts the call again (signal(7)). But then the kernel
// also looks up the number of the descriptor again. So, on Linux, a call is called back in
// two steps: dup3(2) puts another open file, which cannot be locked, behind the number, and
// the thread gets a signal. The call starts again, finds the other file, and returns.
//
// The signal is SIGURG. The Go runtime sends it to its threads all the time, to preempt
// goroutines, so every Go program is prepared for it. If the program begins to ignore SIGURG
// during the wait, the signal is SIGWINCH or SIGCHLD.
package flockwait

import (
	"context"
	"math/rand/v2"
	"time"
)

// The bounds of Pause.length. A pause takes a random time from half of the length to all of it.
const (
	minPause = time.Millisecond
	maxPause = 25 * time.Millisecond
)

// A Pause is the pause between two tries of a waiter that polls, because it cannot wait in
// the kernel. The pauses become longer.
type Pause struct{ length time.Duration }

// Next returns the length of the next pause. It is random, so that waiters do not all
// try at the same time.
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

// Reached is called at the steps of a [Call], with its descriptor. Tests set it.
var Reached = func(_ Step, fd int) {}

// A Step is a moment in a Call at which a test can act.
type Step int

const (
	Begun        Step = iota // before the system call: Back would interrupt it
	Returned                 // after the system call: Back would release the lock
	Interrupting             // Back has put the other file in place, and will send the signal
	Interrupted              // Back is done
)
