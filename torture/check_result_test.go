//go:build linux

package main

import "testing"

func TestResults(t *testing.T) {
	t.Parallel()
	held := func(ops ...*operation) []*operation {
		return append(ops, did(carol, opAcquire, 0, 1, holding(1)), did(carol, opRelease, 90, 91, holding(1)))
	}
	for _, c := range []historyCase{
		{name: "the deadline has passed", object: aLock, ops: held(did(alice, opAcquire, 5, 9, until(8), became(timedOut)))},
		{name: "before its deadline", object: aLock, broken: "early end", ops: held(did(alice, opAcquire, 5, 7, until(8), became(timedOut)))},
		{name: "false before its deadline", object: aLock, broken: "early end", ops: held(did(alice, opAcquire, 5, 7, until(8), became(no)))},
		{name: "without a deadline", object: aLock, broken: "early end", ops: held(did(alice, opAcquire, 5, 7, became(no)))},
		{name: "cancelled", object: aLock, ops: held(did(alice, opAcquire, 5, 7, byCancel))},
		{name: "not cancelled", object: aLock, broken: "early end", ops: held(did(alice, opAcquire, 5, 7, became(cancelled)))},
		{name: "a wait before its deadline", object: anEvent, broken: "early end", ops: []*operation{did(alice, opWait, 5, 7, until(8), sleptAt(6), became(timedOut))}},
		{name: "a Next that nobody cancelled", object: anEvent, broken: "early end", ops: []*operation{
			did(alice, opWatch, 1, 2), did(alice, opNext, 5, 7, became(cancelled))}},
	} {
		t.Run(c.name, c.test)
	}
}
