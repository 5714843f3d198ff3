//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// cancelled is waits of one process that are given up, in every place where a
// process can wait, one after the other.
var cancelled = row{
	name:        "cancel",
	description: "a wait for a lock that another process holds is given up 1 to 3 ms after it has begun: from the end of the context to the return of the call",
	peers:       []string{ours, gofrs},
	rounds:      func(s scale) int { return s.cancelRounds },
	figures: []figure{
		{name: "at the lock, p50", unit: nanoseconds, key: "lock", reduce: quantile(0.5)},
		{name: "at the lock, p99", unit: nanoseconds, key: "lock", reduce: quantile(0.99)},
		{name: "at the gate, p50", unit: nanoseconds, key: "gate", reduce: quantile(0.5)},
		{name: "at the gate, p99", unit: nanoseconds, key: "gate", reduce: quantile(0.99)},
		{name: "in the queue of the process, p50", unit: nanoseconds, key: "queue", reduce: quantile(0.5)},
		{name: "in the queue of the process, p99", unit: nanoseconds, key: "queue", reduce: quantile(0.99)},
		{name: "at three slots, p50", unit: nanoseconds, key: "slots", reduce: quantile(0.5)},
		{name: "at three slots, p99", unit: nanoseconds, key: "slots", reduce: quantile(0.99)},
	},
	bounds: []bound{
		{figure: "at the lock, p99", limit: ns(time.Millisecond), text: "≤ 1 ms"},
		{figure: "at the gate, p99", limit: ns(time.Millisecond), text: "≤ 1 ms"},
		{figure: "in the queue of the process, p99", limit: ns(time.Millisecond), text: "≤ 1 ms"},
		{figure: "at three slots, p99", limit: ns(time.Millisecond), text: "≤ 1 ms"},
	},
	measure: measureCancel,
}

// A waitingPlace is where the wait stands that is given up.
type cancelPoint struct {
	key     string
	lock    string
	holders int
	ahead   bool // another process waits already
	behind  int  // 1: another goroutine of the process waits already
}

func measureCancel(b *bench, peer string) (sample, error) {
	places := []cancelPoint{{key: "lock", lock: peer, holders: 1}}
	if peer == ours {
		places = append(places,
			cancelPoint{key: "gate", lock: ours, holders: 1, ahead: true},
			cancelPoint{key: "queue", lock: ours, holders: 1, behind: 1},
			cancelPoint{key: "slots", lock: oursSlots, holders: slots},
		)
	}
	s := sample{values: map[string][]float64{}}
	for _, place := range places {
		values, err := b.cancelLatencies(place)
		if err != nil {
			return sample{}, fmt.Errorf("%s: %w", place.key, err)
		}
		s.values[place.key] = values
		b.killAll()
	}
	return s, nil
}

func (b *bench) cancelLatencies(at cancelPoint) (values []float64, err error) {
	path := b.lockPath("cancel")
	for range at.holders {
		if _, err := b.holder(at.lock, path); err != nil {
			return nil, err
		}
	}
	if at.ahead {
		p, err := b.waiter(at.lock, path)
		if err == nil {
			err = awaitIdle([]*proc{p}, waiterInterval, waiterTimeout)
		}
		if err != nil {
			return nil, err
		}
	}
	p, err := b.role("cancel", at.lock, path, b.scale.cancels, at.behind)
	if err != nil {
		return nil, err
	}
	for range b.scale.cancels {
		late, err := p.numbers(1)
		if err != nil {
			return nil, err
		}
		values = append(values, float64(late[0]))
	}
	return values, nil
}

// cancelsToWarmUp are not counted.
const cancelsToWarmUp = 5

// cancelWaits gives up one wait after the other, and says how long after the
// end of the context each returned.
func cancelOneByOne(peer, path string, args []string) error {
	var n, behind int64
	if err := numberArgs(args, &n, &behind); err != nil {
		return err
	}
	for range behind {
		l, err := newPeerLock(peer, path, false)
		if err == nil {
			err = waitForever(l)
		}
		if err != nil {
			return err
		}
	}
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	for i := range n + cancelsToWarmUp {
		late, err := cancelWait(l, time.Millisecond+rand.N(2*time.Millisecond))
		if err != nil {
			return err
		}
		if i >= cancelsToWarmUp {
			fmt.Println(int64(late))
		}
	}
	return nil
}
