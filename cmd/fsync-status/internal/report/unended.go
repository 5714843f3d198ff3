package report

import (
	"cmp"
	"os"
	"slices"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/journal"
)

// finish is called after the last run was added. It counts the runs whose end is not
// recorded: runs that are still going, and runs whose wrapper was killed.
func (c *collector) finish(now time.Time) {
	host, _ := os.Hostname()
	states := map[string]filelock.State{}
	newest := map[string]time.Time{} // by lock: when the latest of these runs got it
	runs := c.unended.runs
	for _, r := range runs {
		if got := r.Start.Add(r.Waited); got.After(newest[r.Lock]) {
			newest[r.Lock] = got
		}
	}
	for _, r := range runs {
		state, known := states[r.Lock]
		if !known && r.Kind == journal.KindLock {
			state = stateOf(r.Lock)
			states[r.Lock] = state
		}
		got := r.Start.Add(r.Waited)
		isLast := got.Equal(newest[r.Lock]) && !c.acquiredAfter(r.Lock, got)
		if r.Start.Before(now) && (r.Host == host && isProcess(r.PID, r.Start, now) || r.Kind == journal.KindLock && hasLock(r, state, isLast)) {
			r.Outcome, r.Held = journal.Running, max(now.Sub(got), 0).Truncate(time.Microsecond)
		} else {
			r = endNotRecorded(r)
		}
		c.count(r)
	}
}

// endNotRecorded changes a run with the outcome Running to Started: the run has ended, but
// how is not known.
func endNotRecorded(r journal.Run) journal.Run {
	if r.Outcome == journal.Running {
		if !couldNotBeKilled(r) {
			r.Reason = cmp.Or(r.Reason, "it was still running after "+exactly(r.Held))
			r.Held = 0
		}
		r.Outcome = journal.Started
	}
	return r
}

// acquiredAfter reports whether a run with a known end got the lock later.
func (c *collector) acquiredAfter(path string, got time.Time) bool {
	l := c.locks[path]
	return l != nil && l.acquired.After(got)
}

// hasLock reports whether a run still holds its lock, which has the state s: the process of
// the run is a holder; or the lock is not free, and this run was the last to get it.
func hasLock(r journal.Run, s filelock.State, isLast bool) bool {
	if s.Status() == filelock.Free {
		return false
	}
	return isLast || slices.ContainsFunc(s.Holders, func(h filelock.Holder) bool { return h.PID == r.PID && h.Host == r.Host })
}

// stateOf returns the state of the lock or the semaphore at a path in a journal. A
// lock whose file is missing is free.
func stateOf(path string) filelock.State {
	list := []fsync.Entry{{Kind: fsync.KindLock, Path: path}}
	if _, err := filelock.Slots(path); err == nil {
		list[0].Kind = fsync.KindSemaphore
	}
	fsync.Inspect(list)
	return list[0].State
}
