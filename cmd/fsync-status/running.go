package main

import (
	"os"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/journal"
)

// finish counts the runs of which no journal has the end, when all are read:
// those that are still running, as long as they have lasted by now, and those
// whose wrapper was killed.
func (t *tally) finish(now time.Time) {
	host, _ := os.Hostname()
	locks := map[string]filelock.State{}
	newest := map[string]time.Time{} // when the newest of them got each lock
	runs := t.unended.sorted()
	for _, r := range runs {
		if got := r.Start.Add(r.Waited); got.After(newest[r.Lock]) {
			newest[r.Lock] = got
		}
	}
	for _, r := range runs {
		state, looked := locks[r.Lock]
		if !looked && r.Kind == journal.KindLock {
			state = stateOf(r.Lock)
			locks[r.Lock] = state
		}
		got := r.Start.Add(r.Waited)
		last := got.Equal(newest[r.Lock]) && !t.acquiredAfter(r.Lock, got)
		if r.Start.Before(now) && (r.Host == host && isProcess(r.PID, r.Start, now) || r.Kind == journal.KindLock && isHeld(state, r, last)) {
			r.Outcome, r.Held = journal.Running, max(now.Sub(got), 0).Truncate(time.Microsecond)
		} else {
			r = unseen(r)
		}
		t.put(r)
	}
}

// acquiredAfter reports whether a run of the lock that has ended got it later.
func (t *tally) acquiredAfter(path string, got time.Time) bool {
	g := t.locks[path]
	return g != nil && g.acquired.After(got)
}

// isHeld reports whether the lock says that a run has it: it is held by its
// process; or it is not known to be free, and nobody has had it later.
func isHeld(s filelock.State, r journal.Run, last bool) bool {
	return s.Status() != filelock.Free && (last || slices.ContainsFunc(s.Holders, func(h filelock.Holder) bool { return h.PID == r.PID && h.Host == r.Host }))
}

// stateOf is the state of the lock, or the semaphore, at a path of a journal,
// in which nobody is known if it cannot be looked at.
func stateOf(path string) filelock.State {
	info, err := os.Stat(path)
	if err != nil {
		return filelock.State{}
	}
	if info.IsDir() && isSemaphore(path) {
		slots, err := filelock.Slots(path)
		if err != nil {
			return filelock.State{}
		}
		return filelock.Inspect(filelock.NewSemaphore(path, slots))[0]
	}
	return filelock.Inspect(filelock.New(path, filelock.AnyFile()))[0]
}
