//go:build linux

package main

import "testing"

// withNumber gives an operation the number of a slot, or of the slots.
func withNumber(n int64) func(*operation) { return func(o *operation) { o.slept = n } }

// inSlotNumber gives a hold a slot.
func inSlotNumber(n int64) func(*operation) {
	return func(o *operation) { o.slept, o.id = n, identity{file: uint64(n)} }
}

var (
	aResized = object{kind: semaphore, path: "r.sem", permit: 2, resized: true}
	aLarge   = object{kind: semaphore, path: "l.sem", permit: 3}
	aStaying = object{kind: exclusiveLock, path: "stay.lock", permit: 1, fileMoves: true, staying: true}
)

func TestResizes(t *testing.T) {
	t.Parallel()
	crashed := killedBetween(20, 30)
	for _, c := range []historyCase{
		{name: "a slot that was added", object: aResized, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(1)), did(alice, opRelease, 20, 21, holding(1)),
			did(bob, opAcquire, 2, 3, holding(2), inSlotNumber(2)), did(bob, opRelease, 20, 21, holding(2)),
			did(carol, opResize, 4, 7, withNumber(3)), did(carol, opAcquire, 5, 8, holding(3), inSlotNumber(3)), did(carol, opRelease, 15, 16, holding(3)),
		}},
		{name: "a slot that was removed while it was held", object: aResized, broken: "permits", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(2)), did(carol, opResize, 4, 7, withNumber(1)), did(alice, opRelease, 20, 21, holding(1)),
		}},
		{name: "a slot that was removed when it was free", object: aResized, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(2)), did(carol, opResize, 4, 7, withNumber(1)), did(alice, opRelease, 5, 21, holding(1)),
		}},
		{name: "a slot that does not count any more", object: aResized, broken: "permits", ops: []*operation{
			did(carol, opResize, 4, 7, withNumber(1)), did(alice, opAcquire, 6, 9, holding(1), inSlotNumber(2)), did(alice, opRelease, 20, 21, holding(1)),
		}},
		{name: "not the slot that was removed", object: aResized, broken: "lock model", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(1)), did(alice, opRelease, 20, 21, holding(1)),
			did(bob, opAcquire, 2, 3, holding(2), inSlotNumber(1)), did(bob, opRelease, 20, 21, holding(2)), did(carol, opResize, 4, 7, withNumber(1)),
		}},
		{name: "resized by a killed process, perhaps", object: aResized, ops: []*operation{
			did(crashed, opResize, 4, openEnd, withNumber(1)), did(alice, opAcquire, 32, 33, holding(1), inSlotNumber(2)), did(alice, opRelease, 34, 35, holding(1)),
			did(bob, opSlots, 36, 37, withNumber(1)),
		}},
		{name: "refused by a resize that changed nothing", object: aResized, ops: []*operation{
			did(bob, opResize, 4, 5, withNumber(1), became(no)), did(bob, opSlots, 6, 7, withNumber(2)),
		}},
		{name: "the former number", object: aResized, broken: "slots", ops: []*operation{
			did(carol, opResize, 4, 7, withNumber(1)), did(bob, opSlots, 8, 9, withNumber(2)),
		}},
		{name: "the number while it changes", object: aResized, ops: []*operation{
			did(carol, opResize, 4, 9, withNumber(1)), did(bob, opSlots, 5, 6, withNumber(1)), did(bob, opSlots, 8, 10, withNumber(2)),
		}},
		{name: "refused because of the right number", object: aResized, broken: "slots", ops: []*operation{
			did(carol, opResize, 4, 7, withNumber(1)), did(bob, opAcquire, 8, 9, withNumber(1), became(otherNumber)),
		}},
		{name: "refused because of the number", object: aResized, ops: []*operation{
			did(carol, opResize, 4, 7, withNumber(1)), did(bob, opAcquire, 8, 9, withNumber(2), became(otherNumber)),
		}},
		{name: "a waiter that does not see a new slot", object: aResized, broken: "idle", ops: []*operation{
			did(alice, opResize, 0, 1, withNumber(1)), did(alice, opAcquire, 2, 3, holding(1), inSlotNumber(1)), did(alice, opRelease, 2000, 2001, holding(1)),
			did(carol, opResize, 5, 9, withNumber(3)), did(bob, opAcquire, 4, 2002, holding(2), inSlotNumber(1)), did(bob, opRelease, 2003, 2004, holding(2)),
		}},
		{name: "a waiter that sees a new slot after a second", object: aResized, ops: []*operation{
			did(alice, opResize, 0, 1, withNumber(1)), did(alice, opAcquire, 2, 3, holding(1), inSlotNumber(1)), did(alice, opRelease, 2000, 2001, holding(1)),
			did(carol, opResize, 5, 9, withNumber(3)), did(bob, opAcquire, 4, 1102, holding(2), inSlotNumber(2)), did(bob, opRelease, 2003, 2004, holding(2)),
		}},
		{name: "refused with a free slot", object: aResized, broken: "free lock", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(1)), did(alice, opRelease, 200, 201, holding(1)), did(bob, opAcquire, 105, 106, until(105), became(no)),
		}},
		{name: "refused with a slot that was just removed", object: aResized, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(1)), did(alice, opRelease, 9, 10, holding(1)),
			did(carol, opResize, 2, 3, withNumber(1)), did(bob, opAcquire, 5, 6, until(5), became(no)),
		}},
	} {
		t.Run(c.name, c.test)
	}
}

// A slot of a semaphore that is not resized must not stay free either.
func TestIdleSlot(t *testing.T) {
	t.Parallel()
	for _, c := range []historyCase{
		{name: "a slot is free for long", object: aSemaphore, broken: "idle", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(1)), did(alice, opRelease, 900, 901, holding(1)),
			did(bob, opAcquire, 2, 3, holding(2), inSlotNumber(2)), did(bob, opRelease, 20, 21, holding(2)),
			did(carol, opAcquire, 5, 902, holding(3), inSlotNumber(1)), did(carol, opRelease, 903, 904, holding(3)),
		}},
		{name: "all slots are held", object: aSemaphore, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(1)), did(alice, opRelease, 900, 901, holding(1)),
			did(bob, opAcquire, 2, 3, holding(2), inSlotNumber(2)), did(bob, opRelease, 800, 801, holding(2)),
			did(carol, opAcquire, 5, 802, holding(3), inSlotNumber(2)), did(carol, opRelease, 903, 904, holding(3)),
		}},
		{name: "others that came before get a slot", object: aLarge, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(1)), did(alice, opRelease, 900, 901, holding(1)),
			did(bob, opAcquire, 2, 450, holding(2), inSlotNumber(2)), did(bob, opRelease, 451, 452, holding(2)),
			did(carol, opAcquire, 5, 902, holding(3), inSlotNumber(1)), did(carol, opRelease, 903, 904, holding(3)),
		}},
		{name: "others that came later get a slot", object: aLarge, broken: "idle", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(1)), did(alice, opRelease, 900, 901, holding(1)),
			did(bob, opAcquire, 449, 450, holding(2), inSlotNumber(2)), did(bob, opRelease, 451, 452, holding(2)),
			did(carol, opAcquire, 5, 902, holding(3), inSlotNumber(1)), did(carol, opRelease, 903, 904, holding(3)),
		}},
		{name: "a slot may be held by a process that is killed", object: aSemaphore, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), inSlotNumber(1)), did(alice, opRelease, 900, 901, holding(1)),
			did(killedBetween(700, 800), opAcquire, 2, openEnd, holding(2)),
			did(carol, opAcquire, 5, 902, holding(3), inSlotNumber(1)), did(carol, opRelease, 903, 904, holding(3)),
		}},
	} {
		t.Run(c.name, c.test)
	}
}

func TestStaying(t *testing.T) {
	t.Parallel()
	absent := []absence{{0, identity{file: 1}, span{20e6, never}}}
	for _, c := range []historyCase{
		{name: "the waiter goes on with the new file", object: aStaying, absent: absent, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 3000, 3001, holding(1)),
			did(bob, opAcquire, 2, 1100, holding(2), withFile(2)), did(bob, opRelease, 1101, 1102, holding(2)),
		}},
		{name: "the waiter waits for the old file", object: aStaying, absent: absent, broken: "idle", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 3000, 3001, holding(1)),
			did(bob, opAcquire, 2, 3002, holding(2), withFile(2)), did(bob, opRelease, 3101, 3102, holding(2)),
		}},
		{name: "another process has the new file", object: aStaying, absent: absent, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1), withFile(1)), did(alice, opRelease, 3000, 3001, holding(1)),
			did(carol, opAcquire, 1000, 1001, holding(3), withFile(2)), did(carol, opRelease, 2500, 2501, holding(3)),
			did(bob, opAcquire, 2, 2502, holding(2), withFile(2)), did(bob, opRelease, 3101, 3102, holding(2)),
		}},
	} {
		t.Run(c.name, c.test)
	}
}

// A process that changes its working directory may lock the wrong file for a moment.
func TestRoaming(t *testing.T) {
	t.Parallel()
	roaming := &process{number: 5, program: roamingProgram}
	other := func(o *operation) { o.objects = 2 }
	for _, last := range []int64{2, 4} {
		s := &story{plan: &plan{objects: []object{
			{kind: exclusiveLock, path: "still/roam.lock", permit: 1, roams: true}, {number: 1, kind: exclusiveLock, path: "other/roam.lock", permit: 1, roams: true},
		}}, operations: []*operation{
			did(roaming, opAcquire, 0, last, other, holding(1)), did(roaming, opRelease, 7, 8, other, holding(1)), did(alice, opAcquire, 3, 5, until(3), became(no)),
		}}
		s.order()
		if v := checkStory(s, ""); (len(v.violations) == 0) != (last == 4) {
			t.Errorf("until %d ms: %v", last, v.violations)
		}
	}
}

func TestJoint(t *testing.T) {
	t.Parallel()
	both := func(o *operation) { o.objects = 3 }
	second := func(o *operation) { o.objects = 2 }
	for _, c := range []struct {
		name   string
		broken bool
		ops    []*operation
	}{
		{"the second lock is held at the deadline", false, []*operation{
			did(alice, opAcquire, 0, 1, holding(1), second), did(alice, opRelease, 20, 21, holding(1), second),
			did(bob, opAcquireAll, 2, 11, both, until(10), became(timedOut)),
		}},
		{"both locks are free at the deadline", true, []*operation{
			did(alice, opAcquire, 0, 1, holding(1), second), did(alice, opRelease, 5, 6, holding(1), second),
			did(bob, opAcquireAll, 2, 11, both, until(10), became(timedOut)),
		}},
		{"another call may have one of them", false, []*operation{
			did(alice, opAcquireAll, 0, 15, both, byCancel), did(bob, opAcquireAll, 2, 11, both, until(10), became(timedOut)),
		}},
		{"another call may have one of them when a try fails", false, []*operation{
			did(alice, opAcquireAll, 0, 15, both, byCancel), did(bob, opAcquire, 2, 3, second, until(2), became(no)),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &story{plan: &plan{objects: []object{aLock, {number: 1, kind: exclusiveLock, path: "b.lock", permit: 1}}}, operations: c.ops}
			s.order()
			v := checkStory(s, "")
			if found := len(v.violations) == 1 && v.violations[0].check == "free lock"; found != c.broken || !found && len(v.violations) > 0 {
				t.Error(v.violations)
			}
		})
	}
}
