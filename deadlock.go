package fsync

import (
	"maps"
	"slices"

	"github.com/fsync-lock/fsync/filelock"
)

// A Deadlock is a circle of waiting processes: each waits for a lock that the
// next one holds, and the last waits for a lock that the first one holds.
//
// A Deadlock of one process is a nested wrapper, as in "fsync-lock a fsync-lock
// a true": the process waits for a lock that its ancestor holds or that it
// inherited, while the ancestor waits for the process to end.
//
// A deadlock ends if one of its processes gives up its wait. It also ends if
// another thread of a process releases the lock: the kernel tells which process
// waits, not which thread, so a Deadlock may be reported that such a thread will
// end. In the same way an ancestor may release its lock before its descendant
// ends.
type Deadlock []Link

// A Link is one wait in a deadlock.
type Link struct {
	PID      int
	Command  string
	WaitsFor Entry // the lock or semaphore that the process waits for
	HeldBy   int   // the PID of its holder: the next process, or the ancestor
}

// Deadlocks returns the deadlocks among the entries of one [Manager.List] or one
// [Inspect]. Holders may change during an inspection, so the result may be wrong:
// inspect a second time and trust only a deadlock that both times show. A process
// that polls is not known to wait (see [filelock.Lock.Waiters]), so a deadlock with it
// is not found.
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

// waitsFor holds the waits of each process, by its ID.
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

// stuck removes the processes that can go on, until only those in a deadlock, or
// behind one, are left. It assumes that a process that waits for nothing will
// release its locks, so the waiters of these locks can go on too, and so forth.
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

// hopeless reports whether a wait will not end. A wait for a lock ends when all
// its holders have released it, a wait for a semaphore when one slot is free.
func (waits waitsFor) hopeless(w wait) bool {
	kept := map[int]bool{} // slots; a lock has one, 0
	for _, h := range w.Holders {
		if waits.keeps(h.PID, w) {
			kept[h.Slot] = true
		}
	}
	if w.Kind == KindSemaphore {
		return len(kept) > 0 && len(kept) >= w.Slots
	}
	return len(kept) > 0
}

// keeps reports whether a holder will not release the lock that w waits for. If
// the waiting process itself is the holder, it is usually another goroutine of
// it that will release the lock.
func (waits waitsFor) keeps(holder int, w wait) bool {
	if slices.Contains(w.Nested, holder) {
		return true
	}
	_, waiting := waits[holder]
	return waiting && holder != w.Waiter.PID
}

// blocking returns the wait of the process that will not end, and a holder that
// will not release that lock: an ancestor if there is one.
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

// next returns the process that a stuck process waits for: itself, if an
// ancestor holds the lock.
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
