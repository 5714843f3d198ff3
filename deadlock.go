package fsync

import (
	"maps"
	"slices"

	"github.com/fsync-lock/fsync/filelock"
)

// A Deadlock is a cycle of waiting processes: each waits for a lock that the
// next one holds, and the last waits for a lock that the first one holds.
//
// A Deadlock of one process is a nested wrapper, as in "fsync-lock a fsync-lock
// a true": the process waits for a lock that its ancestor holds or that it
// inherited, while the ancestor waits for the process to end.
//
// A deadlock ends if one of its processes gives up its wait, or if another thread
// of a process releases the lock. The kernel tells which process waits, not which
// thread, so Deadlocks may report a cycle that such a thread will end. In the same
// way, an ancestor may release its lock before its descendant ends.
type Deadlock []Link

// A Link is one wait in a deadlock.
type Link struct {
	PID      int
	Command  string
	WaitsFor Entry // the lock or semaphore that the process waits for
	HeldBy   int   // the PID of its holder: the next process, an ancestor, or the process itself if it inherited the lock
}

// Deadlocks returns the deadlocks among the entries of one [Manager.List] or one
// [Inspect]. Processes may release locks during an inspection, so the result may be
// wrong: inspect a second time and trust only a deadlock that both inspections show.
// A process that polls is not known to wait (see [filelock.Lock.Waiters]), so a
// deadlock with such a process is not found.
func Deadlocks(entries []Entry) []Deadlock {
	waits := waitsIn(entries)
	waits.reduce()
	var deadlocks []Deadlock
	seen := map[int]bool{}
	for _, pid := range slices.Sorted(maps.Keys(waits)) {
		var path []int
		for !seen[pid] {
			seen[pid] = true
			path = append(path, pid)
			pid = waits.next(pid)
		}
		if i := slices.Index(path, pid); i >= 0 {
			deadlocks = append(deadlocks, waits.deadlock(path[i:]))
		}
	}
	return deadlocks
}

// A waitGraph has the waits of each process, by the ID of the process.
type waitGraph map[int][]wait

// A wait is one process that waits for one entry.
type wait struct {
	filelock.Waiter
	*Entry
}

func waitsIn(entries []Entry) waitGraph {
	waits := waitGraph{}
	for i := range entries {
		for _, w := range entries[i].Waiters {
			if w.PID > 0 {
				waits[w.PID] = append(waits[w.PID], wait{w, &entries[i]})
			}
		}
	}
	return waits
}

// reduce removes the processes that can go on: each of their waits will end, because the
// holder does not wait, or can go on, too. The processes that are left are in a deadlock,
// or wait for a process in a deadlock.
func (waits waitGraph) reduce() {
	for again := true; again; {
		again = false
		for pid, all := range waits {
			if !slices.ContainsFunc(all, waits.isStuck) {
				delete(waits, pid)
				again = true
			}
		}
	}
}

// isStuck reports whether a wait cannot end. A wait for a lock ends when all its
// holders have released it, a wait for a semaphore when one slot is free.
func (waits waitGraph) isStuck(w wait) bool {
	kept := map[int]bool{} // slots that their holders keep; a lock has one slot, 0
	for _, h := range w.Holders {
		if waits.keeps(h.PID, w) {
			kept[h.Slot] = true
		}
	}
	return len(kept) > 0 && len(kept) >= w.Slots // Slots is 0 for a lock
}

// keeps reports whether a holder cannot release the lock that w waits for. A process
// that waits for its own lock can release it: usually, another of its goroutines does.
func (waits waitGraph) keeps(holder int, w wait) bool {
	if slices.Contains(w.Nested, holder) {
		return true
	}
	_, waiting := waits[holder]
	return waiting && holder != w.Waiter.PID
}

// stuckWait returns the wait of the process that cannot end, and a holder that
// cannot release the lock: an ancestor if there is one.
func (waits waitGraph) stuckWait(pid int) (w wait, holder int) {
	all := waits[pid]
	w = all[slices.IndexFunc(all, waits.isStuck)]
	i := slices.IndexFunc(w.Holders, func(h filelock.Holder) bool { return slices.Contains(w.Nested, h.PID) })
	if i < 0 {
		i = slices.IndexFunc(w.Holders, func(h filelock.Holder) bool { return waits.keeps(h.PID, w) })
	}
	return w, w.Holders[i].PID
}

// next returns the process that a stuck process waits for: itself, if an ancestor
// holds the lock.
func (waits waitGraph) next(pid int) int {
	w, holder := waits.stuckWait(pid)
	if slices.Contains(w.Nested, holder) {
		return pid
	}
	return holder
}

func (waits waitGraph) deadlock(pids []int) Deadlock {
	var d Deadlock
	for _, pid := range pids {
		w, holder := waits.stuckWait(pid)
		d = append(d, Link{PID: pid, Command: w.Waiter.Command, WaitsFor: *w.Entry, HeldBy: holder})
	}
	return d
}
