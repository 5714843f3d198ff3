package fsync

import (
	"maps"
	"slices"

	"github.com/fsync-lock/fsync/filelock"
)

// A Deadlock is processes of which none gets what it waits for. Each waits for
// what the next one holds, and the last for what the first one holds.
//
// A deadlock of one process is a nested wrapper: the process waits for what an
// ancestor of it holds, or what it inherited from one, as in "fsync-lock a
// fsync-lock a true". The ancestor waits for the process to end.
//
// A deadlock ends if a process in it gives up its wait, or if it has another
// thread that releases what it holds: the kernel tells what processes wait
// for, not threads. An ancestor may also release the lock without waiting for
// its descendant.
type Deadlock []Link

// A Link is one wait in a deadlock.
type Link struct {
	PID      int
	Command  string
	WaitsFor Entry // what the process waits for
	HeldBy   int   // the process that holds that: the next one, or the ancestor
}

// Deadlocks returns the deadlocks among entries that were looked at together,
// as by [Manager.List]. Locks and their holders change while they are looked
// at: a deadlock that a second look shows too is one; a deadlock that it does
// not show was none.
func Deadlocks(entries []Entry) []Deadlock {
	waits := stuck(waitsIn(entries))
	var deadlocks []Deadlock
	done := map[int]bool{}
	for _, pid := range slices.Sorted(maps.Keys(waits)) {
		var way []int
		for !done[pid] {
			done[pid] = true
			way = append(way, pid)
			pid = waits.next(pid)
		}
		if i := slices.Index(way, pid); i >= 0 {
			deadlocks = append(deadlocks, waits.deadlock(way[i:]))
		}
	}
	return deadlocks
}

// waitsFor is what each process, by its ID, waits for.
type waitsFor map[int][]wait

type wait struct {
	filelock.Waiter
	*Entry
}

func waitsIn(entries []Entry) waitsFor {
	waits := waitsFor{}
	for i := range entries {
		for _, w := range entries[i].Waiters {
			if w.PID > 0 {
				waits[w.PID] = append(waits[w.PID], wait{w, &entries[i]})
			}
		}
	}
	return waits
}

// stuck leaves the processes that cannot go on. A process that waits for
// nothing is assumed to release what it holds, so a process that waits for that
// goes on, and so forth.
func stuck(waits waitsFor) waitsFor {
	for again := true; again; {
		again = false
		for pid, all := range waits {
			if !slices.ContainsFunc(all, waits.hopeless) {
				delete(waits, pid)
				again = true
			}
		}
	}
	return waits
}

// hopeless reports whether a wait will not end: a lock is free when all its
// holders have released it, a semaphore when any slot is.
func (waits waitsFor) hopeless(w wait) bool {
	kept := map[int]bool{} // slots; a lock has one, 0
	for _, h := range w.Holders {
		if waits.keeps(h.PID, w) {
			kept[h.Slot] = true
		}
	}
	if w.Kind == Semaphore {
		return len(kept) > 0 && len(kept) >= w.Slots
	}
	return len(kept) > 0
}

// keeps reports whether a holder will not release what a process waits for.
// What the process has taken itself, another goroutine of it has, as a rule.
func (waits waitsFor) keeps(holder int, w wait) bool {
	if slices.Contains(w.Nested, holder) {
		return true
	}
	_, waiting := waits[holder]
	return waiting && holder != w.Waiter.PID
}

// blocking is the wait of a process that will not end, and a holder that
// will not release what it is for: an ancestor before others.
func (waits waitsFor) blocking(pid int) (w wait, holder int) {
	all := waits[pid]
	w = all[slices.IndexFunc(all, waits.hopeless)]
	keeps := func(h filelock.Holder) bool { return waits.keeps(h.PID, w) }
	nested := func(h filelock.Holder) bool { return slices.Contains(w.Nested, h.PID) }
	i := slices.IndexFunc(w.Holders, nested)
	if i < 0 {
		i = slices.IndexFunc(w.Holders, keeps)
	}
	return w, w.Holders[i].PID
}

// next is the process that a stuck one waits for: itself if an ancestor holds
// what it waits for.
func (waits waitsFor) next(pid int) int {
	w, holder := waits.blocking(pid)
	if slices.Contains(w.Nested, holder) {
		return pid
	}
	return holder
}

func (waits waitsFor) deadlock(pids []int) Deadlock {
	var d Deadlock
	for _, pid := range pids {
		w, holder := waits.blocking(pid)
		d = append(d, Link{PID: pid, Command: w.Command, WaitsFor: *w.Entry, HeldBy: holder})
	}
	return d
}
