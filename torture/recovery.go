//go:build linux

package main

import (
	"cmp"
	"slices"
	"time"
)

// A recovery is the time from the kill of a holder to the next hold of a process that was
// already waiting.
type recovery struct {
	took  time.Duration
	net   time.Duration // without the time in which the waiter did not run, or the machine was slow
	group bool          // holders and waiters were killed at the same time
}

// recoveries returns the recoveries of a round. Locks of a round with stopped processes do
// not count, because a stopped waiter may be the next.
func recoveries(s *story) (rs []recovery) {
	if s.plan.has("stop") {
		return nil
	}
	killedAt := map[int64]int{} // how many processes were killed at about the same time
	for _, p := range s.processes {
		if p.killed.from > 0 {
			killedAt[p.killed.from/1e6]++
		}
	}
	for _, o := range s.plan.objects {
		if o.kind != exclusiveLock || o.fileMoves || o.dirMoves || o.joint {
			continue
		}
		holds := s.of(o)
		for i, h := range holds[:max(len(holds)-1, 0)] {
			next, by := holds[i+1], h.got.by
			if by == nil || by.killed.from == 0 || by.mayDie > 0 || h.release != by.killed || next.acquire.from > by.killed.from || next.got.flags&byPeer != 0 {
				continue
			}
			at := by.killed.from / 1e6
			took := next.acquire.to - by.killed.from
			net := took - s.stalledFor(next.got, by.killed.from, next.acquire.to)
			rs = append(rs, recovery{time.Duration(took), time.Duration(net), killedAt[at]+killedAt[at-1]+killedAt[at+1] > 1})
		}
	}
	return rs
}

// quantiles returns the median, the 99th percentile and the maximum.
func quantiles(times []time.Duration) (median, p99, most time.Duration) {
	if len(times) == 0 {
		return 0, 0, 0
	}
	slices.SortFunc(times, func(a, b time.Duration) int { return cmp.Compare(a, b) })
	return times[len(times)/2], times[len(times)*99/100], times[len(times)-1]
}
