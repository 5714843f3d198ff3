//go:build linux

package main

import "testing"

// A gate that a process sees 100 ms after the last use of the lock was left.
func TestLeftAfterABurst(t *testing.T) {
	t.Parallel()
	uses, other := &process{number: 5, slot: 0}, &process{number: 6, slot: 1}
	look := did(carol, opLook, 205, 206, became(no))
	use := func(end int64) []*operation {
		return []*operation{did(alice, opAcquire, 0, 5, holding(1)), did(alice, opRelease, end-1, end, holding(1)), look}
	}
	for _, c := range []struct {
		name   string
		ops    []*operation
		stalls []stall
		faults []*fault
		broken bool
	}{
		{name: "left", ops: use(100), broken: true},
		{name: "not there", ops: []*operation{did(carol, opLook, 205, 206)}},
		{name: "just used", ops: use(150)},
		{name: "in use", ops: append(use(100), did(bob, opAcquire, 120, 210, byCancel))},
		{name: "a process that uses it did not run", ops: use(100), stalls: []stall{{uses, span{110e6, 160e6}}}},
		{name: "another process did not run", ops: use(100), stalls: []stall{{other, span{110e6, 160e6}}}, broken: true},
		{name: "processes were killed", ops: use(100), faults: []*fault{{kills: true}}},
		{name: "slow processes", ops: use(100), faults: []*fault{{name: slowCalls}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := storyOf(aLock, c.ops...)
			s.plan.faults, s.stalls = c.faults, c.stalls
			s.plan.slots = []slot{{clients: []habit{{object: aLock.number}}}, {}}
			broken := ""
			if c.broken {
				broken = "left over"
			}
			checkForCase(t, s, broken)
		})
	}
}
