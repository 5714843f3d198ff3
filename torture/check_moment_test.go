//go:build linux

package main

import "testing"

// What may have made a try fail: locks and slots that a process had for a moment.
func TestMoments(t *testing.T) {
	t.Parallel()
	try := func(at int64) *operation { return did(bob, opAcquire, at, at+1, onlyLooked, became(no)) }
	ranOut := func(from, deadline, to int64) *operation {
		return did(alice, opAcquire, from, to, until(deadline), became(timedOut))
	}
	holds := func(by *process, n uint64, from, to, release int64) []*operation {
		return []*operation{did(by, opAcquire, from, to, holding(n)), did(by, opRelease, release, release+1, holding(n))}
	}
	slot := func(by *process, n int64, from, to, release int64) []*operation {
		return []*operation{did(by, opAcquire, from, to, holding(uint64(n)), inSlotNumber(n)), did(by, opRelease, release, release+1, holding(uint64(n)))}
	}
	crashed, dropped := killedBetween(20, 30), killedBetween(20, 30)
	dropped.program = droppingProgram
	for _, c := range []historyCase{
		{name: "killed during its release", object: aLock, broken: "free lock",
			ops: []*operation{did(crashed, opAcquire, 0, 1, holding(1)), did(crashed, opRelease, 19, openEnd, holding(1)), try(31)}},
		{name: "killed, but not the process that it has started", object: aLock,
			ops: []*operation{did(dropped, opAcquire, 0, 1, holding(1)), did(dropped, opRelease, 19, openEnd, holding(1)), try(31)}},
		{name: "a wait was granted the lock just before its deadline", object: aLock,
			ops: append(append(holds(carol, 1, 0, 1, 3), holds(carol, 2, 9, 12, 90)...), ranOut(2, 8, 10), try(5))},
		{name: "but another process had it in between", object: aLock, broken: "free lock",
			ops: append(append(holds(carol, 1, 0, 1, 3), holds(carol, 2, 7, 8, 90)...), ranOut(2, 20, 22), try(5))},
		{name: "but long before its deadline", object: aLock, broken: "free lock",
			ops: append(append(holds(carol, 1, 0, 1, 3), holds(carol, 2, 77, 79, 190)...), ranOut(2, 78, 80), try(5))},
		{name: "a waiter that got the lock later", object: aLock, broken: "free lock",
			ops: append(append(holds(carol, 1, 0, 1, 3), holds(carol, 2, 7, 9, 20)...), append(holds(alice, 3, 2, 25, 90), try(5))...)},
		{name: "the next holder", object: aLock,
			ops: append(append(holds(carol, 1, 0, 1, 3), holds(alice, 3, 2, 9, 90)...), try(5))},
		{name: "a reader that tries takes nothing exclusively", object: aShared, broken: "free lock",
			ops: append(holds(carol, 1, 0, 1, 3), try(5), did(alice, opShared, 5, 6, onlyLooked, became(no)))},
		{name: "a reader that waits looks whether the lock is free", object: aShared,
			ops: append(append(holds(carol, 1, 0, 1, 1500), holds(carol, 2, 1690, 1700, 1900)...), did(alice, opShared, 2, 1800, until(1799), became(timedOut)), try(1505))},
		{name: "the loser of a race for slots", object: aSemaphore,
			ops: append(append(slot(carol, 2, 0, 1, 9), slot(alice, 1, 2, 10, 900)...), try(12))},
		{name: "a loser that keeps its slot", object: aSemaphore, broken: "free lock",
			ops: append(append(slot(carol, 2, 0, 1, 9), slot(alice, 1, 2, 10, 900)...), try(100))},
		{name: "a waiter that got a slot later", object: aSemaphore, broken: "free lock",
			ops: append(append(slot(carol, 1, 0, 1, 400), did(alice, opAcquire, 2, 401, holding(9), inSlotNumber(1)), did(alice, opRelease, 900, 901, holding(9))),
				did(bob, opAcquire, 100, 102, onlyLooked, became(no)))},
	} {
		t.Run(c.name, c.test)
	}
}
