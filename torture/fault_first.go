//go:build linux

package main

import (
	"math/rand/v2"
	"time"
)

// stopFirst is a fault that the clients know: some of their deadlines pass when waiters look past
// the stopped process, which is a second after the begin of their wait.
const stopFirst = "stop-first"

func init() {
	addFault(&fault{
		name: stopFirst, about: "SIGSTOP of the first waiter for a lock, and SIGCONT up to 2 s later", every: 200 * time.Millisecond,
		strike: func(r *round, rng *rand.Rand) error {
			length := 1100*time.Millisecond + time.Duration(rng.Int64N(int64(900*time.Millisecond)))
			for _, i := range rng.Perm(len(r.plan.objects)) {
				o := r.plan.objects[i]
				if o.kind != exclusiveLock && o.kind != sharedLock {
					continue
				}
				err := r.behindFirstWaiter(o, func() error {
					r.pause(length)
					return nil
				})
				if err == nil {
					return nil
				}
			}
			return errMissed
		},
		slows: time.Second, // a waiter looks past the stopped process once a second
	})
}

// way returns a random way to take a lock. If a fault is about deadlines, many waits have one.
// If it is about locks that are held for a moment, there are many tries.
func (c *client) way() int {
	if c.plan.has(startsOthers) && c.chance(40) {
		return 0
	}
	if (c.plan.has(stopFirst) || c.plan.has(ignoresSigurg)) && c.chance(60) {
		return 25
	}
	return c.rng.IntN(100)
}

// deadline returns a random time for a wait.
func (c *client) deadline() time.Duration {
	if c.plan.has(stopFirst) && c.chance(70) {
		return time.Second + c.upTo(3*time.Millisecond)
	}
	return c.upTo(60 * time.Millisecond)
}
