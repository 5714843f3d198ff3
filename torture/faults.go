//go:build linux

package main

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// A fault is one kind of trouble that strikes during a round. Each file fault_*.go has
// some, and adds them to allFaults in an init function; nothing else needs to know them.
//
// A fault may have a part that runs in the processes of a round: see workerCommands.
type fault struct {
	name  string
	about string        // what it does, for the report
	every time.Duration // the mean time between two strikes

	// why returns the reason why the fault is not possible on this machine, or nil.
	why func() error

	// setup, if there is one, is called before the first process of a round starts. It
	// returns what undoes it after the last process has ended.
	setup func(*round) (undo func(), err error)

	// prepare, if there is one, changes the command of a process that is about to start.
	prepare func(r *round, p *process)

	// strike, if there is one, does it once. If the trouble lasts for a time, strike undoes it before it
	// returns. It must return soon after r.over is closed (see round.pause). Several
	// strikes may run at the same time, but not two of one kind.
	strike func(r *round, rng *rand.Rand) error

	// What the fault does to the promises. All are false for a fault that changes none.
	movesFiles bool // removes, replaces or renames lock files: object.fileMoves
	movesDirs  bool // moves directories, as round.isMoving notes: object.dirMoves
	remakes    bool // replaces directories: object.remade
	hides      bool // puts something else in the place of lock files for a time: object.hidden
	kills      bool // kills processes, which may leave gates and drafts
	leaves     bool // a process may be unable to remove its gate or its record
	overtakes  bool // waiters may overtake each other: waiters poll, or they get signals
	freezes    bool // a Set of an event that is set may change nothing, so a Watch does not see it
	alone      bool // it strikes in a round of its own

	// length is the shortest round in which the fault can show what it does.
	length time.Duration

	// entersNamespace means that prepare puts processes into a namespace. A plan has only
	// one such fault.
	entersNamespace bool

	// slows is added to the longest time that a free lock or a set event may wait for
	// its waiter, for example if the fault makes waiters poll.
	slows time.Duration

	// excuses reports whether the operation may fail because of the fault; nil = none.
	excuses func(op *operation, o object) bool
}

var allFaults []*fault

// errMissed is what strike returns if it found nothing to strike.
var errMissed = errors.New("the fault struck nothing")

// addFault adds a fault. The order by name makes a plan independent of the order of files.
func addFault(f *fault) {
	allFaults = append(allFaults, f)
	slices.SortFunc(allFaults, func(a, b *fault) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
}

func faultNames() (names []string) {
	for _, f := range allFaults {
		names = append(names, f.name)
	}
	return names
}

func (f *fault) impossible() error {
	if f.why == nil {
		return nil
	}
	return f.why()
}

// workerCommands has what a fault can make a worker do: round.tell sends the name and the
// arguments. A command runs in a goroutine of the worker, which ends before the worker does;
// the channel is closed when the round ends.
var workerCommands = map[string]func(w *worker, args []string, ending <-chan struct{}){}
