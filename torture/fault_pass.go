//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/locktable"
)

// passFirst stops the head of a queue until the process behind it has got the lock past it. At
// that moment, the head goes on and gives up, because its time is over. So the two leave the gate
// at about the same time, and no process comes to the lock for a while.
const passFirst = "pass-first"

func init() {
	addFault(&fault{
		name: passFirst, about: "SIGSTOP of the first waiter for a lock, and SIGCONT when another process has just got the lock past it", every: 1500 * time.Millisecond,
		length: 3 * passEvery, strike: letPass,
		slows: time.Second, // a waiter looks past the stopped process once a second
	})
}

// A passed lock is used by three clients, in different processes: one holds it, one becomes the
// head of its queue, and one comes behind the head. They begin again at the same time.
const (
	passEvery  = 2400 * time.Millisecond
	passStep   = 40 * time.Millisecond  // between their begins
	passHold   = 120 * time.Millisecond // from the begin of the first one
	passHead   = 60 * time.Millisecond  // how long the head waits, at most
	passBehind = 1400 * time.Millisecond
)

// passedLocks is how many there are in a round.
const passedLocks = 3

// Parts of the clients of a passed lock.
const (
	holdsFirst = iota
	isFirst
	comesBehind
)

func (p *plan) addPassed(rng *rand.Rand) {
	for i := range passedLocks {
		o := p.addObject(object{kind: exclusiveLock, path: fmt.Sprintf("still/passed%d.lock", i), slow: true})
		for part, in := range p.addClients(rng, o, nil, queues, queues, queues) {
			in.clients[len(in.clients)-1].part = part
		}
	}
}

// queueUp plays the part of a client of a passed lock.
func (c *client) queueUp() {
	l := c.newLocker()
	for !c.isEnding() {
		begin := now()/int64(passEvery)*int64(passEvery) + int64(passEvery)
		c.sleepUntil(begin + int64(c.habit.part)*int64(passStep))
		switch c.habit.part {
		case holdsFirst:
			c.holdUntil(begin+int64(passHold), l, c.acquireBy(l, record{}, func() (bool, error) { return true, l.Acquire(context.Background()) }))
		case isFirst:
			c.holdUntil(0, l, c.tryFor(l, passHead))
		case comesBehind:
			a := c.tryFor(l, passBehind)
			c.holdUntil(a.Time+int64(20*time.Millisecond), l, a)
			c.sleepUntil(begin + int64(passEvery-lookBefore))
			c.lookForGate()
		}
	}
}

func (c *client) tryFor(l locker, d time.Duration) record {
	return c.acquireBy(l, record{Limit: int64(d)}, func() (bool, error) { return l.TryAcquireFor(d) })
}

// holdUntil holds what an acquisition has got, if it has got the lock.
func (c *client) holdUntil(t int64, l locker, a record) {
	if a.Result != ok {
		return
	}
	leave := c.enter(a)
	c.sleepUntil(t)
	leave()
	c.do(record{Op: opRelease, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) { r.became(l.Release()) })
}

// letPass stops the first waiter of each passed lock, and lets it go on.
func letPass(r *round, rng *rand.Rand) error {
	struck := make(chan bool, passedLocks)
	var locks sync.WaitGroup
	for _, o := range r.plan.objects {
		if parts := r.plan.partsOf(o); parts != nil {
			x := rng.Float64()
			pause := time.Duration(x * x * x * float64(10*time.Millisecond))
			locks.Go(func() { struck <- r.letPassAt(o, parts, pause) })
		}
	}
	locks.Wait()
	close(struck)
	for did := range struck {
		if did {
			return nil
		}
	}
	return errMissed
}

// partsOf returns the slots of the clients of a passed lock, by their parts.
func (p *plan) partsOf(o object) (slots []int) {
	for part := range comesBehind + 1 {
		for i, s := range p.slots {
			for _, h := range s.clients {
				if h.role == queues && h.object == o.number && h.part == part {
					slots = append(slots, i)
				}
			}
		}
	}
	return slots
}

// comesBehind reports whether the process of a slot comes behind the head of a passed lock.
func (p *plan) comesBehind(slot int) bool {
	return slices.ContainsFunc(p.slots[slot].clients, func(h habit) bool { return h.role == queues && h.part == comesBehind })
}

// letPassAt stops the head of the queue of a passed lock until another process has got the lock
// past it, and then a little longer.
func (r *round) letPassAt(o object, slots []int, pause time.Duration) (struck bool) {
	head, behind := r.inSlot(slots[isFirst]), r.inSlot(slots[comesBehind])
	for end := time.Now().Add(passEvery); time.Now().Before(end) && !r.isOver(); r.pause(2 * time.Millisecond) {
		mounts := locktable.Mounts{}
		lock, err := mounts.Identify(r.path(o), false)
		if err != nil {
			continue // no process has locked it yet
		}
		gate, err := mounts.Identify(gatePath(r.path(o)), false)
		if err != nil || head == nil || behind == nil || !head.isHead(gate, lock) {
			continue
		}
		r.stopWhile(head, func() {
			for end := time.Now().Add(passEvery); !struck && time.Now().Before(end) && !r.isOver(); r.pause(200 * time.Microsecond) {
				_, struck = locktable.HeldBy(behind.cmd.Process.Pid, lock)
			}
			r.pause(pause)
		})
		return struck
	}
	return false
}

// inSlot returns the process that is in a slot now, or nil.
func (r *round) inSlot(slot int) *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.bySlot[slot]; p != nil && p.killed.from == 0 {
		return p
	}
	return nil
}
