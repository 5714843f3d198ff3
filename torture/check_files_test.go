//go:build linux

package main

import "testing"

// A history with what the faults have done to the lock file meanwhile, in milliseconds.
type filesCase struct {
	name   string
	ops    []*operation
	hiding []hiding
	leases []lease
	broken string
}

func (c filesCase) test(t *testing.T) {
	t.Parallel()
	s := storyOf(aLock, c.ops...)
	s.plan.faults = []*fault{{excuses: findsNoLockFile}}
	s.plan.slots = []slot{{program: goProgram, clients: []habit{{role: locks}}}}
	s.hide(fileFaults{hidings: c.hiding, leases: c.leases})
	checkForCase(t, s, c.broken)
}

func hiddenFrom(from, to int64, by hiddenBy) []hiding {
	return []hiding{{by: by, begins: span{from * 1e6, from * 1e6}, end: span{to * 1e6, to * 1e6}}}
}

func refused(o *operation) { o.result, o.errno = failed, notALockFile }

func TestHiddenFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []filesCase{
		{name: "refused while there was a link", hiding: hiddenFrom(0, 10, linkInPlace), ops: []*operation{
			did(alice, opAcquire, 5, 11, holding(1), refused),
		}},
		{name: "refused after there was a link", broken: "error", hiding: hiddenFrom(0, 4, linkInPlace), ops: []*operation{
			did(alice, opAcquire, 5, 6, holding(1), refused),
		}},
		{name: "found held through a link", broken: "free lock", hiding: hiddenFrom(0, 10, linkInPlace), ops: []*operation{
			did(alice, opAcquire, 5, 6, until(5), became(no)),
		}},
		{name: "found held beside a FIFO", hiding: hiddenFrom(0, 10, otherInPlace), ops: []*operation{
			did(alice, opAcquire, 5, 6, until(5), became(no)),
		}},
		{name: "found lost beside a link", hiding: hiddenFrom(0, 10, linkInPlace), ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opCheck, 5, 6, holding(1), became(lost)), did(alice, opRelease, 7, 8, holding(1)),
		}},
		{name: "waited for a FIFO", broken: "vain wait", hiding: hiddenFrom(0, 2500, otherInPlace), ops: []*operation{
			did(bob, opAcquire, 0, 1, holding(1)), did(bob, opRelease, 3, 4, holding(1)),
			did(alice, opAcquire, 100, 2600, holding(2)), did(alice, opRelease, 2700, 2710, holding(2)),
		}},
		{name: "noticed the FIFO after a second", hiding: hiddenFrom(0, 2500, otherInPlace), ops: []*operation{
			did(alice, opAcquire, 100, 1200, holding(2), refused),
		}},
		{name: "a lease", leases: []lease{{0, span{0, 10e6}}}, ops: []*operation{did(alice, opAcquire, 5, 6, until(5), became(no))}},
		{name: "after a lease", broken: "free lock", leases: []lease{{0, span{0, 3e6}}}, ops: []*operation{did(alice, opAcquire, 5, 6, until(5), became(no))}},
	} {
		t.Run(c.name, c.test)
	}
}

func handedOn(o *operation) { o.flags |= handedOver }
func peer(o *operation)     { o.flags |= byPeer }

func TestHeirs(t *testing.T) {
	t.Parallel()
	wrapper := &process{number: 5, program: fsyncLock}
	for _, c := range []historyCase{
		{name: "told after an unlock", object: aLock, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opUnlock, 2, 4, holding(1)),
			did(bob, opAcquire, 2, 3, holding(2)), did(bob, opRelease, 20, 21, holding(2)),
			did(alice, opCheck, 5, 6, holding(1), became(lost)), did(alice, opLeave, 7, 8, holding(1), handedOn),
		}},
		{name: "not told after an unlock", object: aLock, broken: "lost", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opUnlock, 2, 4, holding(1)),
			did(alice, opCheck, 5, 6, holding(1)), did(alice, opLeave, 7, 8, holding(1), handedOn),
		}},
		{name: "still held after an unlock", object: aLock, broken: "exclusion", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opUnlock, 5, 6, holding(1)),
			did(bob, opAcquire, 2, 3, holding(2)), did(bob, opRelease, 20, 21, holding(2)),
		}},
		{name: "left to nobody", object: aLock, broken: "free lock", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opLeave, 2, 3, holding(1)), did(bob, opAcquire, 4, 5, until(4), became(no)),
		}},
		{name: "left to a process that is being started", object: aLock, ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opLeaveGiven, 2, 3, holding(1)), did(bob, opAcquire, 4, 5, until(4), became(no)),
		}},
		{name: "a wait that ended late", object: aLock, broken: "late end", ops: []*operation{
			did(alice, opAcquire, 0, 1, holding(1)), did(alice, opRelease, 900, 901, holding(1)), did(bob, opAcquire, 4, 800, until(50), became(no)),
		}},
		{name: "fsync-lock refused while it was free", object: aLock, broken: "free lock", ops: []*operation{did(wrapper, opAcquire, 4, 5, until(4), became(no), peer)}},
		{name: "another program refused while it was free", object: aLock, ops: []*operation{did(bob, opAcquire, 4, 5, until(4), became(no), peer)}},
	} {
		t.Run(c.name, c.test)
	}
}
