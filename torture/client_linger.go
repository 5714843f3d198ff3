//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// lingerLocks is how many locks there are whose clients hold them for some milliseconds, several
// times, and then pause for longer. So now and then no process waits, and there is no gate; and if
// a process waits, it does so for long enough to be overtaken.
const lingerLocks = 3

const (
	longestLinger = 40 * time.Millisecond
	lingerPause   = 250 * time.Millisecond
)

func (p *plan) addLingering(rng *rand.Rand) {
	for i := range lingerLocks {
		o := p.addObject(object{kind: exclusiveLock, path: fmt.Sprintf("still/linger%d.lock", i), slow: true, lingers: true})
		p.addClients(rng, o, nil, locks, locks, locks, locks)
	}
}

func (c *client) linger() {
	for l := c.newLocker(); !c.isEnding(); c.sleep(c.upTo(lingerPause)) {
		for range 2 + c.rng.IntN(4) {
			ctx, cancel := context.WithCancel(context.Background())
			a := c.acquireBy(l, record{}, func() (bool, error) { return true, c.acquireWith(ctx, l) })
			cancel()
			c.holdUntil(now()+int64(c.upTo(longestLinger)), l, a)
		}
	}
}
