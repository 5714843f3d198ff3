package fsync

import (
	"maps"
	"slices"

	"github.com/fsync-lock/fsync/filelock"
)

// A Circle is processes that wait for each other: each waits for what the next
// one holds, and the last for what the first one holds. None of them will get
// it, unless one gives up, or has another thread that goes on and releases what
// it holds: the kernel tells who waits by processes.
type Circle []Link

// A Link is one wait in a circle.
type Link struct {
	PID      int
	Command  string
	WaitsFor Entry // what the process waits for, and the next one holds
}

// Circles returns the circles among entries that were looked at together, as
// by [Manager.List]. Locks and their holders change while they are looked at,
// so a circle that is still there in a second look is one; a circle that is not
// was none.
func Circles(entries []Entry) []Circle {
	waits := stuck(waitsIn(entries))
	var circles []Circle
	done := map[int]bool{}
	for _, pid := range slices.Sorted(maps.Keys(waits)) {
		var way []int
		for !done[pid] {
			done[pid] = true
			way = append(way, pid)
			pid = waits.next(pid)
		}
		if i := slices.Index(way, pid); i >= 0 {
			circles = append(circles, waits.circle(way[i:]))
		}
	}
	return circles
}

// waitsFor is what each process, by its ID, waits for.
type waitsFor map[int][]wait

type wait struct {
	command string
	*Entry
}

func waitsIn(entries []Entry) waitsFor {
	waits := waitsFor{}
	for i := range entries {
		for _, w := range entries[i].Waiters {
			if w.PID > 0 {
				waits[w.PID] = append(waits[w.PID], wait{w.Command, &entries[i]})
			}
		}
	}
	return waits
}

// stuck leaves the processes that cannot go on: of a process that waits for
// nothing it is assumed that it will release what it holds, and so whoever
// waits for that goes on, and so forth.
func stuck(waits waitsFor) waitsFor {
	for again := true; again; {
		again = false
		for pid, all := range waits {
			if !slices.ContainsFunc(all, func(w wait) bool { return waits.hopeless(pid, w) }) {
				delete(waits, pid)
				again = true
			}
		}
	}
	return waits
}

// hopeless reports whether a process's wait will not end: a lock is had when
// all its holders have released it, a slot when any has.
func (waits waitsFor) hopeless(pid int, w wait) bool {
	kept := map[int]bool{} // slots; a lock has one, 0
	for _, h := range w.Holders {
		if waits.keeps(h.PID, pid) {
			kept[h.Slot] = true
		}
	}
	if w.Kind == Semaphore {
		return len(kept) > 0 && len(kept) >= w.Slots
	}
	return len(kept) > 0
}

// keeps reports whether a holder will not release what a waiter wants. What
// the waiter holds itself another goroutine of it has, as a rule.
func (waits waitsFor) keeps(holder, waiter int) bool {
	_, waiting := waits[holder]
	return waiting && holder != waiter
}

// blocking is the wait of a process that will not end, and a holder that
// will not release what it is for.
func (waits waitsFor) blocking(pid int) (w wait, holder int) {
	all := waits[pid]
	w = all[slices.IndexFunc(all, func(w wait) bool { return waits.hopeless(pid, w) })]
	i := slices.IndexFunc(w.Holders, func(h filelock.Holder) bool { return waits.keeps(h.PID, pid) })
	return w, w.Holders[i].PID
}

func (waits waitsFor) next(pid int) int {
	_, next := waits.blocking(pid)
	return next
}

func (waits waitsFor) circle(pids []int) Circle {
	var c Circle
	for _, pid := range pids {
		w, _ := waits.blocking(pid)
		c = append(c, Link{PID: pid, Command: w.command, WaitsFor: *w.Entry})
	}
	return c
}
