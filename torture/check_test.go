//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
)

// The histories of these tests are written by hand, in milliseconds. Each rule has to accept
// a good one, and to find a bad one.

var (
	alice = &process{number: 1, program: goProgram}
	bob   = &process{number: 2, program: goProgram}
	carol = &process{number: 3, program: goProgram}
)

// killedBetween returns a process that was killed.
func killedBetween(from, to int64) *process {
	return &process{number: 4, program: goProgram, killed: span{from * 1e6, to * 1e6}}
}

const openEnd = -1 // the operation was in flight when its process was killed

// did returns an operation of a process.
func did(by *process, op opcode, from, to int64, change ...func(*operation)) *operation {
	o := &operation{span: span{from * 1e6, to * 1e6}, op: op, result: ok, objects: 1, client: uint32(by.number << 8), by: by}
	if to == openEnd {
		o.result, o.to = open, by.killed.to
	}
	for _, c := range change {
		c(o)
	}
	return o
}

func holding(n uint64) func(*operation)  { return func(o *operation) { o.hold = n } }
func became(r result) func(*operation)   { return func(o *operation) { o.result = r } }
func byCancel(o *operation)              { o.result, o.flags = cancelled, o.flags|cancels }
func until(ms int64) func(*operation)    { return func(o *operation) { o.deadline = ms * 1e6 } }
func sleptAt(ms int64) func(*operation)  { return func(o *operation) { o.slept = ms * 1e6 } }
func withFile(n uint64) func(*operation) { return func(o *operation) { o.id = identity{file: n} } }

// onlyLooked makes a wait one with no time.
func onlyLooked(o *operation) { o.deadline = o.from + 1 }

// storyOf returns the story of one object.
func storyOf(o object, ops ...*operation) *story {
	s := &story{plan: &plan{objects: []object{o}}, operations: ops}
	s.order()
	return s
}

// A history is good if it breaks nothing, and bad if it breaks what its name says.
type historyCase struct {
	name   string
	object object
	ops    []*operation
	absent []absence
	broken string // the check that finds it; empty = none
}

func (c historyCase) test(t *testing.T) {
	t.Parallel()
	s := storyOf(c.object, c.ops...)
	s.absences = c.absent
	checkForCase(t, s, c.broken)
}

// checkForCase fails the test unless the checks find what is broken, and nothing if that is empty.
func checkForCase(t *testing.T, s *story, broken string) {
	t.Helper()
	checkFinds(t, checkStory(s, ""), broken)
}

// checkFinds fails the test unless the check with that name has found something, or no check
// has if there is no name.
func checkFinds(t *testing.T, v *verdict, broken string) {
	t.Helper()
	found := slices.ContainsFunc(v.violations, func(bad violation) bool { return bad.check == broken })
	switch {
	case broken == "" && len(v.violations) > 0:
		t.Errorf("a good history was refused: %v", v.violations)
	case broken != "" && !found:
		t.Errorf("not found: %s; only %v", broken, v.violations)
	}
	if len(v.unknown) > 0 {
		t.Errorf("not decided: %v", v.unknown)
	}
}

var (
	aLock      = object{kind: exclusiveLock, path: "a.lock", permit: 1}
	aMoving    = object{kind: exclusiveLock, path: "m.lock", permit: 1, fileMoves: true}
	aShared    = object{kind: sharedLock, path: "s.lock", permit: 1}
	aSemaphore = object{kind: semaphore, path: "a.sem", permit: 2}
	anEvent    = object{kind: manualEvent, path: "a.event"}
	anAuto     = object{kind: autoEvent, path: "b.event"}
)

func TestLocks(t *testing.T) {
	t.Parallel()
	crashed := killedBetween(20, 30)
	for _, c := range []historyCase{
		{name: "one after the other", object: aLock, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opAcquire, 2, 11, holding(2)), did(bob, opCheck, 12, 13, holding(2)), did(bob, opRelease, 20, 21, holding(2)),
		}},
		{name: "two holders", object: aLock, broken: "exclusion", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opAcquire, 2, 8, holding(2)), did(bob, opRelease, 20, 21, holding(2)),
		}},
		{name: "two holders, by the model", object: aLock, broken: "lock model", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opAcquire, 2, 8, holding(2)), did(bob, opRelease, 20, 21, holding(2)),
		}},
		{name: "still held after its release", object: aLock, broken: "lock model", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opRelease, 9, 12, holding(1)), did(alice, opCheck, 13, 14, holding(1)),
		}},
		{name: "taken over from a killed process", object: aLock, ops: []*operation{
			did(crashed, opAcquire, 0, 1, holding(1)), did(bob, opAcquire, 2, 22, holding(2)), did(bob, opRelease, 23, 24, holding(2)),
		}},
		{name: "taken from a process before its death", object: aLock, broken: "exclusion", ops: []*operation{
			did(crashed, opAcquire, 0, 1, holding(1)), did(bob, opAcquire, 2, 19, holding(2)), did(bob, opRelease, 23, 24, holding(2)),
		}},
		{name: "killed in flight", object: aLock, ops: []*operation{
			did(crashed, opAcquire, 5, openEnd, holding(1)), did(bob, opAcquire, 2, 31, holding(2)), did(bob, opRelease, 33, 34, holding(2)),
		}},
		{name: "killed during release", object: aLock, ops: []*operation{
			did(crashed, opAcquire, 0, 1, holding(1)), did(crashed, opRelease, 5, openEnd, holding(1)),
			did(bob, opAcquire, 2, 7, holding(2)), did(bob, opRelease, 33, 34, holding(2)),
		}},
		{name: "a holder that another process has adopted the hold from", object: aLock, broken: "exclusion", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opHandOver, 2, 4, holding(1)),
			did(alice, opLeave, 5, 6, holding(1), func(o *operation) { o.flags = handedOver }),
			did(carol, opAdopt, 3, 4, holding(1)), did(carol, opRelease, 20, 21, holding(1)),
			did(bob, opAcquire, 2, 7, holding(2)), did(bob, opRelease, 8, 9, holding(2)),
		}},
		{name: "refused while it was free", object: aLock, broken: "free lock", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opRelease, 3, 4, holding(1)),
			did(bob, opAcquire, 5, 6, until(5), became(no)),
		}},
		{name: "refused while it was held", object: aLock, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opRelease, 3, 6, holding(1)),
			did(bob, opAcquire, 5, 6, until(5), became(no)),
		}},
		{name: "refused while another waiter gave up", object: aLock, ops: []*operation{
			did(carol, opAcquire, 0, 1, holding(1)), did(carol, opRelease, 3, 4, holding(1)),
			did(alice, opAcquire, 0, 20, until(4), became(no)), did(bob, opAcquire, 5, 6, until(5), became(no)),
		}},
		{name: "refused before another waiter gave up", object: aLock, broken: "free lock", ops: []*operation{
			did(carol, opAcquire, 7, 8, holding(1)), did(carol, opRelease, 14, 15, holding(1)),
			did(alice, opAcquire, 0, 20, until(10), became(no)), did(bob, opAcquire, 5, 6, until(5), became(no)),
		}},
		{name: "no last try at the deadline", object: aLock, broken: "free lock", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opRelease, 3, 4, holding(1)),
			did(bob, opAcquire, 2, 16, until(15), became(timedOut)),
		}},
		{name: "free for long while a process waited", object: aLock, broken: "idle", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opRelease, 3, 4, holding(1)),
			did(bob, opAcquire, 2, 700, holding(2)), did(bob, opRelease, 701, 702, holding(2)),
		}},
		{name: "an error without a fault", object: aLock, broken: "error", ops: []*operation{did(alice, opAcquire, 0, 1, became(failed))}},
		{name: "lost without a fault", object: aLock, broken: "error", ops: []*operation{did(alice, opCheck, 0, 1, became(lost))}},
		{name: "a removed file and a new one", object: aMoving, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opAcquire, 2, 8, holding(2), withFile(2)), did(bob, opRelease, 20, 21, holding(2)),
		}, absent: []absence{{0, identity{file: 1}, span{2e6, never}}}},
		{name: "granted after the file was gone", object: aMoving, broken: "path", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opAcquire, 1, 13, holding(2), withFile(1)), did(bob, opRelease, 20, 21, holding(2)),
		}, absent: []absence{{0, identity{file: 1}, span{2e6, never}}}},
		{name: "not told that the lock is lost", object: aMoving, broken: "lost", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opCheck, 3, 4, holding(1), withFile(1)), did(alice, opRelease, 9, 12, holding(1)),
		}, absent: []absence{{0, identity{file: 1}, span{2e6, never}}}},
		{name: "adopted a lost lock", object: aMoving, broken: "lost", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(bob, opAdopt, 3, 4, holding(1), withFile(1)), did(bob, opRelease, 9, 12, holding(1)),
		}, absent: []absence{{0, identity{file: 1}, span{2e6, never}}}},
		{name: "told that the lock is lost", object: aMoving, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opCheck, 1, 3, holding(1), withFile(1)),
			did(alice, opCheck, 3, 4, holding(1), withFile(1), became(lost)), did(alice, opRelease, 9, 12, holding(1)),
		}, absent: []absence{{0, identity{file: 1}, span{2e6, never}}}},
		{name: "went on with a new file", object: aMoving, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 5000, 5001, holding(1)),
			did(bob, opAcquire, 1, 1100, holding(2), withFile(2)), did(bob, opRelease, 1101, 1102, holding(2)),
		}, absent: []absence{{0, identity{file: 1}, span{20e6, never}}}},
		{name: "waited for a file that was gone", object: aMoving, broken: "stale file", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 5000, 5001, holding(1)),
			did(bob, opAcquire, 1, 5002, holding(2), withFile(2)), did(bob, opRelease, 5003, 5004, holding(2)),
		}, absent: []absence{{0, identity{file: 1}, span{20e6, never}}}},
		{name: "the new file is free while a process waits for the old one", object: aMoving, broken: "stale file", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(bob, opAcquire, 1, 5002, holding(2), withFile(2)),
			did(alice, opUnlink, 20, 21), did(carol, opAcquire, 100, 101, holding(3), withFile(2)), did(carol, opRelease, 102, 103, holding(3)),
			did(alice, opRelease, 5000, 5001, holding(1)), did(bob, opRelease, 5003, 5004, holding(2)),
		}, absent: []absence{{0, identity{file: 1}, span{20e6, never}}}},
		{name: "granted when the file was back", object: aMoving, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opAcquire, 1, 13, holding(2), withFile(1)), did(bob, opRelease, 20, 21, holding(2)),
		}, absent: []absence{{0, identity{file: 1}, span{2e6, 11e6}}}},
	} {
		t.Run(c.name, c.test)
	}
}

func TestSharedLocksAndSemaphores(t *testing.T) {
	t.Parallel()
	for _, c := range []historyCase{
		{name: "readers together, then a writer", object: aShared, ops: []*operation{
			did(alice, opShared, 0, 1, holding(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opShared, 2, 3, holding(2)), did(bob, opRelease, 10, 11, holding(2)),
			did(carol, opAcquire, 5, 12, holding(3)), did(carol, opRelease, 15, 16, holding(3)),
		}},
		{name: "a writer beside a reader", object: aShared, broken: "exclusion", ops: []*operation{
			did(alice, opShared, 0, 1, holding(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(carol, opAcquire, 5, 8, holding(3)), did(carol, opRelease, 15, 16, holding(3)),
		}},
		{name: "a writer beside a reader, by the model", object: aShared, broken: "lock model", ops: []*operation{
			did(alice, opShared, 0, 1, holding(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(carol, opAcquire, 5, 8, holding(3)), did(carol, opRelease, 15, 16, holding(3)),
		}},
		{name: "as many as there are slots", object: aSemaphore, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opAcquire, 2, 3, holding(2), withFile(2)), did(bob, opRelease, 10, 11, holding(2)),
			did(carol, opAcquire, 5, 11, holding(3), withFile(2)), did(carol, opRelease, 15, 16, holding(3)),
		}},
		{name: "one more", object: aSemaphore, broken: "permits", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opAcquire, 2, 3, holding(2), withFile(2)), did(bob, opRelease, 10, 11, holding(2)),
			did(carol, opAcquire, 5, 8, holding(3), withFile(3)), did(carol, opRelease, 15, 16, holding(3)),
		}},
		{name: "one more, by the model", object: aSemaphore, broken: "lock model", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opAcquire, 2, 3, holding(2), withFile(2)), did(bob, opRelease, 10, 11, holding(2)),
			did(carol, opAcquire, 5, 8, holding(3), withFile(3)), did(carol, opRelease, 15, 16, holding(3)),
		}},
		{name: "one slot twice", object: aSemaphore, broken: "exclusion", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 9, 12, holding(1)),
			did(bob, opAcquire, 2, 3, holding(2), withFile(1)), did(bob, opRelease, 10, 11, holding(2)),
		}},
	} {
		t.Run(c.name, c.test)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	crashed := killedBetween(20, 30)
	for _, c := range []historyCase{
		{name: "set, asked, cleared", object: anEvent, ops: []*operation{
			did(alice, opIsSet, 0, 1, became(no)), did(alice, opSet, 2, 5), did(bob, opIsSet, 3, 4), did(bob, opIsSet, 6, 7),
			did(alice, opClear, 8, 9), did(bob, opIsSet, 10, 11, became(no)),
		}},
		{name: "set, but not seen", object: anEvent, broken: "event model", ops: []*operation{
			did(alice, opSet, 2, 5), did(bob, opIsSet, 6, 7, became(no)),
		}},
		{name: "cleared, but seen", object: anEvent, broken: "event model", ops: []*operation{
			did(alice, opSet, 2, 5), did(alice, opClear, 8, 9), did(bob, opIsSet, 10, 11),
		}},
		{name: "seen, then not seen, during one Set", object: anEvent, broken: "event model", ops: []*operation{
			did(alice, opSet, 2, 20), did(bob, opIsSet, 3, 4), did(bob, opIsSet, 5, 6, became(no)),
		}},
		{name: "a Set of a killed process that was seen", object: anEvent, ops: []*operation{
			did(crashed, opSet, 19, openEnd), did(bob, opIsSet, 32, 33),
		}},
		{name: "a Set of a killed process that was not seen", object: anEvent, ops: []*operation{
			did(crashed, opSet, 19, openEnd), did(bob, opIsSet, 32, 33, became(no)),
		}},
		{name: "a Set of a killed process that comes late", object: anEvent, broken: "event model", ops: []*operation{
			did(crashed, opSet, 19, openEnd), did(bob, opIsSet, 32, 33, became(no)), did(bob, opIsSet, 34, 35),
		}},
		{name: "a pulse wakes", object: anEvent, ops: []*operation{
			did(bob, opWait, 0, 10, sleptAt(1), until(100)), did(alice, opSet, 5, 6), did(alice, opClear, 7, 8),
		}},
		{name: "a pulse wakes nobody", object: anEvent, broken: "lost wake-up", ops: []*operation{
			did(bob, opWait, 0, 101, sleptAt(1), until(100), became(timedOut)), did(alice, opSet, 5, 6), did(alice, opClear, 7, 8),
		}},
		{name: "set at the deadline", object: anEvent, broken: "lost wake-up", ops: []*operation{
			did(alice, opSet, 5, 6), did(bob, opWait, 0, 101, until(100), became(timedOut)),
		}},
		{name: "a pulse before the wait was asleep", object: anEvent, ops: []*operation{
			did(bob, opWait, 0, 101, sleptAt(9), until(100), became(timedOut)), did(alice, opSet, 5, 6), did(alice, opClear, 7, 8),
		}},
		{name: "woken by nothing", object: anEvent, broken: "spurious wake-up", ops: []*operation{
			did(alice, opSet, 1, 2), did(alice, opClear, 3, 4), did(bob, opWait, 5, 10, sleptAt(6), until(100)),
		}},
		{name: "woken late", object: anEvent, broken: "late wake-up", ops: []*operation{
			did(alice, opSet, 5, 6), did(bob, opWait, 0, 900, sleptAt(1), until(1000)),
		}},
		{name: "woken late by a Set from before it slept", object: anEvent, broken: "late wake-up", ops: []*operation{
			did(alice, opSet, 5, 6), did(bob, opWait, 0, 900, sleptAt(7), until(1000)),
		}},
		{name: "a pulse from before it slept", object: anEvent, ops: []*operation{
			did(alice, opSet, 5, 6), did(alice, opClear, 8, 9), did(alice, opSet, 800, 801), did(bob, opWait, 0, 900, sleptAt(7), until(1000)),
		}},
		{name: "noticed late that it is clear", object: anEvent, broken: "late wake-up", ops: []*operation{
			did(alice, opSet, 0, 1), did(bob, opWaitClear, 2, 900, sleptAt(7), until(1000)), did(alice, opClear, 5, 6),
		}},
		{name: "clear for a moment", object: anEvent, ops: []*operation{
			did(alice, opSet, 0, 1), did(bob, opWaitClear, 2, 900, sleptAt(7), until(1000)), did(alice, opClear, 5, 6), did(alice, opSet, 7, 8),
			did(alice, opClear, 800, 801),
		}},
		{name: "woken not too late", object: anEvent, ops: []*operation{
			did(alice, opSet, 5, 6), did(bob, opWait, 0, 400, sleptAt(1), until(1000)),
		}},
		{name: "found set without a Set", object: anEvent, broken: "event model", ops: []*operation{
			did(bob, opWait, 5, 6, onlyLooked), did(alice, opSet, 10, 11),
		}},
		{name: "waited for clear", object: anEvent, broken: "event model", ops: []*operation{
			did(alice, opSet, 1, 2), did(bob, opWaitClear, 3, 4),
		}},
	} {
		t.Run(c.name, c.test)
	}
}

func TestAutoReset(t *testing.T) {
	t.Parallel()
	crashed := killedBetween(20, 30)
	for _, c := range []historyCase{
		{name: "taken once", object: anAuto, ops: []*operation{
			did(alice, opSet, 1, 5), did(bob, opTake, 0, 6, sleptAt(1), until(50)), did(carol, opTake, 0, 51, sleptAt(1), until(50), became(timedOut)),
		}},
		{name: "taken twice", object: anAuto, broken: "event model", ops: []*operation{
			did(alice, opSet, 1, 5), did(bob, opTake, 0, 6), did(carol, opTake, 0, 7),
		}},
		{name: "two Sets taken twice", object: anAuto, ops: []*operation{
			did(alice, opSet, 1, 5), did(alice, opSet, 6, 7), did(bob, opTake, 0, 6), did(carol, opTake, 0, 8),
		}},
		{name: "taken by nobody", object: anAuto, broken: "event model", ops: []*operation{
			did(alice, opSet, 1, 5), did(bob, opTake, 0, 51, sleptAt(1), until(50), became(timedOut)),
		}},
		{name: "taken by a killed process, perhaps", object: anAuto, ops: []*operation{
			did(alice, opSet, 1, 5), did(crashed, opTake, 0, openEnd), did(bob, opTake, 0, 51, sleptAt(1), until(50), became(timedOut)),
		}},
		{name: "taken by a killed process, but not by it alone", object: anAuto, ops: []*operation{
			did(alice, opSet, 1, 5), did(crashed, opTake, 0, openEnd), did(bob, opTake, 0, 40),
		}},
		{name: "taken late", object: anAuto, broken: "late wake-up", ops: []*operation{
			did(alice, opSet, 2, 5), did(bob, opTake, 0, 900, sleptAt(1), until(1000)),
		}},
	} {
		t.Run(c.name, c.test)
	}
}

func TestWatches(t *testing.T) {
	t.Parallel()
	for _, c := range []historyCase{
		{name: "one Next for two Sets", object: anEvent, ops: []*operation{
			did(bob, opWatch, 0, 1), did(alice, opSet, 2, 3), did(alice, opSet, 4, 5), did(bob, opNext, 6, 7, until(100)),
			did(bob, opNext, 8, 31, until(30), became(timedOut)),
		}},
		{name: "missed while it was busy", object: anEvent, broken: "missed Set", ops: []*operation{
			did(bob, opWatch, 0, 1), did(alice, opSet, 2, 3), did(alice, opClear, 4, 5), did(bob, opNext, 8, 31, until(30), became(timedOut)),
		}},
		{name: "the last Set is missed", object: anEvent, broken: "missed Set", ops: []*operation{
			did(bob, opWatch, 0, 1), did(alice, opSet, 2, 3), did(bob, opNext, 4, 6), did(alice, opSet, 7, 8),
			did(bob, opNext, 9, 31, until(30), became(timedOut)),
		}},
		{name: "returned late", object: anEvent, broken: "late wake-up", ops: []*operation{
			did(bob, opWatch, 0, 1), did(alice, opSet, 2, 3), did(bob, opNext, 4, 600),
		}},
		{name: "returned without a Set", object: anEvent, broken: "spurious Next", ops: []*operation{
			did(alice, opSet, 2, 3), did(bob, opWatch, 4, 5), did(bob, opNext, 6, 7, until(100)),
		}},
		{name: "one Set, two Nexts", object: anEvent, broken: "spurious Next", ops: []*operation{
			did(bob, opWatch, 0, 1), did(alice, opSet, 2, 3), did(bob, opNext, 4, 5), did(bob, opNext, 6, 7), did(bob, opNext, 8, 9),
		}},
	} {
		t.Run(c.name, c.test)
	}
}

// A machine or a process that did not run explains a late wake-up.
func TestStalled(t *testing.T) {
	t.Parallel()
	s := storyOf(anEvent, did(alice, opSet, 5, 6), did(bob, opWait, 0, 900, sleptAt(1), until(1000)))
	s.stalls = []stall{{nil, span{10e6, 300e6}}, {bob, span{200e6, 500e6}}, {alice, span{400e6, 600e6}}}
	if all, his := s.stalled(0, 1000e6), s.stalledFor(s.operations[0], 0, 1000e6); all != 590e6 || his != 490e6 {
		t.Errorf("stalled for %d and %d", all, his)
	}
	if v := checkStory(s, ""); len(v.violations) > 0 {
		t.Error(v.violations)
	}
}

// What the critical sections have found is reported, and errors that a fault explains are not.
func TestReported(t *testing.T) {
	t.Parallel()
	s := storyOf(aLock, did(alice, opAcquire, 0, 1, became(failed)))
	s.plan.faults = []*fault{{excuses: func(*operation, object) bool { return true }}}
	s.overlapped = []record{{Objects: 1, Hold: 7 << 32}}
	v := checkStory(s, "")
	if len(v.violations) != 1 || !strings.HasPrefix(v.violations[0].String(), "overlap: a.lock: ") {
		t.Error(v.violations)
	}
}
