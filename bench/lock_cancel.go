//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// cancel measures the cancellation of waits at each point where a process can
// wait.
var cancel = row{
	name:        "cancel",
	description: "a wait for a lock that another process holds is canceled 1 to 3 ms after it began: the time from the cancellation until the call returns",
	peers:       []string{ours, gofrs},
	rounds:      func(s scale) int { return s.cancelRounds },
	figures: []figure{
		{name: "at the lock, p50", unit: nanoseconds, key: "lock", reduce: quantile(0.5)},
		{name: "at the lock, p99", unit: nanoseconds, key: "lock", reduce: quantile(0.99)},
		{name: "at the gate, p50", unit: nanoseconds, key: "gate", reduce: quantile(0.5)},
		{name: "at the gate, p99", unit: nanoseconds, key: "gate", reduce: quantile(0.99)},
		{name: "behind another goroutine, p50", unit: nanoseconds, key: "queue", reduce: quantile(0.5)},
		{name: "behind another goroutine, p99", unit: nanoseconds, key: "queue", reduce: quantile(0.99)},
		{name: "at three slots, p50", unit: nanoseconds, key: "slots", reduce: quantile(0.5)},
		{name: "at three slots, p99", unit: nanoseconds, key: "slots", reduce: quantile(0.99)},
	},
	bounds: []bound{
		{figure: "at the lock, p99", limit: ns(time.Millisecond), text: "≤ 1 ms"},
		{figure: "at the gate, p99", limit: ns(time.Millisecond), text: "≤ 1 ms"},
		{figure: "behind another goroutine, p99", limit: ns(time.Millisecond), text: "≤ 1 ms"},
		{figure: "at three slots, p99", limit: ns(time.Millisecond), text: "≤ 1 ms"},
	},
	measure: measureCancel,
}

// A waitPoint is a point where a wait can be: at the lock itself, or behind
// another waiter.
type waitPoint struct {
	key              string // of the sample's values
	peer             string
	holders          int
	processesBefore  int // other processes that already wait
	goroutinesBefore int // other goroutines of the same process that already wait
}

func measureCancel(b *bench, peer string) (sample, error) {
	points := []waitPoint{{key: "lock", peer: peer, holders: 1}}
	if peer == ours {
		points = append(points,
			waitPoint{key: "gate", peer: ours, holders: 1, processesBefore: 1},
			waitPoint{key: "queue", peer: ours, holders: 1, goroutinesBefore: 1},
			waitPoint{key: "slots", peer: oursSlots, holders: slots},
		)
	}
	s := sample{values: map[string][]float64{}}
	for _, point := range points {
		values, err := b.cancelLatencies(point)
		if err != nil {
			return sample{}, fmt.Errorf("%s: %w", point.key, err)
		}
		s.values[point.key] = values
		b.killAll()
	}
	return s, nil
}

func (b *bench) cancelLatencies(at waitPoint) (values []float64, err error) {
	path := b.lockPath("cancel")
	for range at.holders {
		if _, err := b.holder(at.peer, path); err != nil {
			return nil, err
		}
	}
	for range at.processesBefore {
		p, err := b.waiter(at.peer, path)
		if err == nil {
			err = awaitIdle([]*proc{p}, waiterInterval, waiterTimeout)
		}
		if err != nil {
			return nil, err
		}
	}
	p, err := b.role("cancel", at.peer, path, b.scale.cancels, at.goroutinesBefore)
	if err != nil {
		return nil, err
	}
	for range b.scale.cancels {
		late, err := p.number()
		if err != nil {
			return nil, err
		}
		values = append(values, float64(late))
	}
	return values, nil
}

// The first cancelsToWarmUp waits do not count.
const cancelsToWarmUp = 5

// cancelOneByOne starts goroutines that wait, and then begins and cancels n waits one
// after the other. It prints for each how long after its cancellation it returned.
func cancelOneByOne(peer, path string, args []string) error {
	var n, goroutinesBefore int64
	if err := numberArgs(args, &n, &goroutinesBefore); err != nil {
		return err
	}
	for range goroutinesBefore {
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
