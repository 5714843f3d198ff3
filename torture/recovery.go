//go:build linux

package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A recovery is the time from the kill of a holder to the next hold of a process that was
// already waiting.
type recovery struct {
	round int
	lock  string
	took  time.Duration
	died  time.Duration // of it, up to the return of wait(2): the kernel releases the lock before that
	net   time.Duration // without the time in which the waiter did not run, or the machine was slow
	with  int           // how many other processes were killed at the same time
}

// recoveries returns the recoveries of a round: from the kill of a holder to the next hold, if
// the process that has it was waiting before the kill. If a process was stopped meanwhile, the
// recovery does not count, because that process may have been the next. Neither does one while
// strace delays the waiter, or takes part in the end of the holder.
func recoveries(s *story) (rs []recovery) {
	if s.plan.has(slowCalls) {
		return nil
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
			during := span{by.killed.from, next.acquire.to}
			if s.wasStopped(during, by) {
				continue
			}
			rs = append(rs, recovery{
				round: s.plan.round, lock: o.path,
				took: time.Duration(during.to - during.from),
				died: time.Duration(min(by.killed.to, during.to) - during.from),
				net:  time.Duration(during.to - during.from - s.stalledFor(next.got, during.from, during.to)),
				with: s.killedWith(by),
			})
		}
	}
	return rs
}

// wasStopped reports whether a process, but the given one, was stopped at some time within a
// span.
func (s *story) wasStopped(in span, but *process) bool {
	for _, p := range s.processes {
		if p != but && p.wasStopped(in) {
			return true
		}
	}
	return false
}

// wasStopped reports whether a process was stopped at some time within a span.
func (p *process) wasStopped(in span) bool { return slices.ContainsFunc(p.stops, in.overlaps) }

// killedWith returns how many other processes were killed at about the same time.
func (s *story) killedWith(by *process) (n int) {
	const atOnce = int64(time.Millisecond)
	for _, p := range s.processes {
		if p != by && p.killed.from > 0 && max(p.killed.from-by.killed.from, by.killed.from-p.killed.from) <= atOnce {
			n++
		}
	}
	return n
}

// quantiles returns the median, the 99th percentile and the maximum.
func quantiles(times []time.Duration) (median, p99, most time.Duration) {
	if len(times) == 0 {
		return 0, 0, 0
	}
	slices.SortFunc(times, func(a, b time.Duration) int { return cmp.Compare(a, b) })
	return times[len(times)/2], times[len(times)*99/100], times[len(times)-1]
}

// shownRecoveries is how many of the slowest recoveries the report has.
const shownRecoveries = 5

// writeRecoveries writes the recoveries of one kind: of holders that were killed alone, or
// together with others.
func writeRecoveries(line func(string, ...any), all []recovery, group bool) {
	chosen := slices.DeleteFunc(slices.Clone(all), func(r recovery) bool { return (r.with > 0) != group })
	of := "a holder"
	if group {
		of = "several processes"
	}
	row := func(what string, time func(recovery) time.Duration) {
		line("| %s | %d | %s |", what, len(chosen), spread(chosen, time))
	}
	row("kill -9 of "+of+", up to the next hold of a process that was waiting", func(r recovery) time.Duration { return r.took })
	row("of it, until the holder was dead", func(r recovery) time.Duration { return r.died })
	row("of it, after the holder was dead", func(r recovery) time.Duration { return r.took - r.died })
	row("without the time in which the waiter did not run, or the machine was slow", func(r recovery) time.Duration { return r.net })
	slices.SortFunc(chosen, func(a, b recovery) int { return cmp.Compare(b.took, a.took) })
	for _, r := range chosen[:min(len(chosen), shownRecoveries)] {
		line("| one of the slowest: round %d, %s, with %d others | | %v, dead after %v, net %v | | |", r.round, r.lock, r.with, r.took, r.died, r.net)
	}
}

func spread(rs []recovery, of func(recovery) time.Duration) string {
	var times []time.Duration
	for _, r := range rs {
		times = append(times, of(r))
	}
	median, p99, most := quantiles(times)
	const digits = 10 * time.Microsecond
	return fmt.Sprintf("%v | %v | %v", median.Round(digits), p99.Round(digits), most.Round(digits))
}
