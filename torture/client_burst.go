//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// A burst lock is used in bursts. All its clients begin a burst at the same time, and hold
// the lock and wait for it for multiples of some milliseconds, as people choose them. So much
// happens at the same time. After the burst no process waits, and the gate must be gone.
const (
	burstEvery = 250 * time.Millisecond
	burstUnit  = 5 * time.Millisecond  // the library looks at gates and holds every second unit
	lookBefore = 50 * time.Millisecond // the next burst

	// calmTime is how long nothing has happened before a gate counts as left. Two processes
	// that leave a gate at the same time may look for it again for some milliseconds.
	calmTime = 80 * time.Millisecond
)

// burstTimes returns how often there is a burst, and calmTime. With slow processes, a burst
// lasts longer, and so do the looks after it.
func (p *plan) burstTimes() (every, calm time.Duration) {
	if p.has(slowCalls) {
		return 3 * burstEvery, 5 * calmTime
	}
	return burstEvery, calmTime
}

// burstLocks is how many there are in a round, at most.
const burstLocks = 4

// addBursts adds burst locks, with four clients each: more of them if there are fewer bursts.
func (p *plan) addBursts(rng *rand.Rand) {
	n := burstLocks / 2
	if p.has(slowCalls) {
		n = burstLocks
	}
	for i := range n {
		o := p.addObject(object{kind: exclusiveLock, path: fmt.Sprintf("still/burst%d.lock", i), slow: true})
		first := p.addClients(rng, o, nil, locks, locks, locks, locks)[0]
		first.clients[len(first.clients)-1].slow = true
	}
}

// useBurstLock takes part in each burst. One of the clients looks for the gate afterwards.
func (c *client) useBurstLock() {
	l := c.newLocker()
	every, _ := c.plan.burstTimes()
	for !c.isEnding() {
		burst := now()/int64(every)*int64(every) + int64(every)
		c.sleepUntil(burst)
		for range 1 + c.rng.IntN(2) {
			c.useInBurst(l)
		}
		if c.habit.slow {
			c.sleepUntil(burst + int64(every-lookBefore))
			c.lookForGate()
		}
	}
}

func (c *client) sleepUntil(t int64) { c.sleep(time.Duration(t - now())) }

func (c *client) useInBurst(l locker) {
	d := burstUnit * time.Duration(1+c.rng.IntN(6))
	a := c.do(record{Op: opAcquire, Hold: c.newHold(), Limit: int64(d)}, func(r *record) {
		taken, err := l.TryAcquireFor(d)
		switch {
		case err != nil:
			r.became(err)
		case taken:
			r.Result = ok
			r.identify(l)
		default:
			r.Result = no
		}
	})
	if a.Result != ok {
		return
	}
	leave := c.enter(a)
	c.sleep(burstUnit * time.Duration(c.rng.IntN(4)))
	leave()
	c.do(record{Op: opRelease, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) { r.became(l.Release()) })
}

// lookForGate records whether the gate is gone.
func (c *client) lookForGate() {
	c.do(record{Op: opLook}, func(r *record) {
		r.Result = ok
		if _, err := os.Lstat(gatePath(c.path(c.object))); err == nil {
			r.Result = no
		}
	})
}

// checkBursts checks that no gate was there when no process had waited for a while. A killed
// process may leave a gate, and a process that did not run had not removed it yet.
func (v *verdict) checkBursts(s *story, o object) {
	if s.plan.anyFault(func(f *fault) bool { return f.leaves || f.kills }) {
		return
	}
	_, bound := s.plan.burstTimes()
	ops := s.operationsOn(o)
	for _, look := range ops {
		if look.op != opLook || look.result != no {
			continue
		}
		var calm span // since the end of the last use
		calm.to = look.from
		for _, op := range ops {
			if op.op != opLook && op.from <= look.to {
				calm.from = max(calm.from, op.to)
			}
		}
		stalled := s.sumStalls(calm.from, calm.to, func(st stall) bool { return st.by == nil || s.plan.clientsOn(o, st.by.slot) > 0 })
		if calm.to-calm.from-stalled > int64(bound) {
			v.add("left over", o, "%v: the gate is there, but no process has waited since %s", look, clock(calm.from))
		}
	}
}
