//go:build linux

package main

import (
	"errors"
	"fmt"
	"time"
)

const handoverHold = 2 * time.Millisecond

// handover measures two processes that hold the lock in turns. After a release,
// a process asks for the lock again only when the other process, through a pipe,
// has reported that it holds the lock. So exactly one process waits at each
// release, and overtaking cannot make a peer look faster.
var handover = row{
	name:        "handover",
	description: "two processes hold the lock in turns, 2 ms each: the time from the call of release in one until the other holds the lock",
	peers:       []string{ours, rawFlock, gofrs, lockedFile, jujuMutex, pyFilelock, portalocker, fasteners},
	rounds:      func(s scale) int { return s.handoverRounds },
	figures: []figure{
		{name: "hand-over, p50", unit: nanoseconds, key: "handover", reduce: quantile(0.5)},
		{name: "hand-over, p99", unit: nanoseconds, key: "handover", reduce: quantile(0.99)},
	},
	bounds: []bound{
		{figure: "hand-over, p50", against: rawFlock, limit: 1.5, text: "≤ 1.5 ×, aim at 1.3"},
		{figure: "hand-over, p50", against: lockedFile, limit: noBound, text: "for comparison"},
		{figure: "hand-over, p50", against: jujuMutex, limit: noBound, text: "for comparison"},
		{figure: "hand-over, p50", against: gofrs, limit: 1.0 / 20, text: "≤ 1/20"},
		{figure: "hand-over, p50", against: pyFilelock, limit: 1.0 / 100, text: "≤ 1/100"},
	},
	measure: measureHandover,
}

// The first handoversToWarmUp turns do not count.
const handoversToWarmUp = 2

func measureHandover(b *bench, peer string) (sample, error) {
	n := b.scale.handovers
	if peer == gofrs || pythonPackage[peer] != "" {
		n = b.scale.slowHandovers
	}
	turns := n/2 + handoversToWarmUp
	path := b.lockPath("handover")
	one, two, err := b.startPair(
		b.roleCommand("alternate", peer, path, 1, turns, int64(handoverHold)),
		b.roleCommand("alternate", peer, path, 0, turns, int64(handoverHold)),
	)
	if err != nil {
		return sample{}, err
	}
	var latencies []float64
	for i := range turns {
		first, err := one.numbers(3)
		if err != nil {
			return sample{}, err
		}
		second, err := two.numbers(3)
		if err != nil {
			return sample{}, err
		}
		released, asked, acquired := first[2], second[0], second[1]
		if acquired < released {
			return sample{}, fmt.Errorf("acquired %v before the release", time.Duration(released-acquired))
		}
		if i >= handoversToWarmUp && asked < released {
			latencies = append(latencies, float64(acquired-released))
		}
	}
	if len(latencies) == 0 {
		return sample{}, errors.New("no process waited when the lock was released")
	}
	return sample{values: map[string][]float64{"handover": latencies}}, nil
}

// takeTurns is one of the two processes. It prints, for each turn, when it asked
// for the lock, when it acquired it and when it released it.
func takeTurns(peer, path string, args []string) error {
	var first, turns, hold int64
	if err := numberArgs(args, &first, &turns, &hold); err != nil {
		return err
	}
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	other := newPartner()
	times := make([][3]int64, turns) // asked, acquired, released
	fmt.Println("ready")
	for i := range times {
		if i > 0 || first == 0 { // otherwise the lock is free
			if err := other.await(); err != nil {
				return err
			}
		}
		times[i][0] = now()
		if err := l.acquire(); err != nil {
			return err
		}
		times[i][1] = now()
		if first == 1 || i < len(times)-1 { // otherwise the other process has ended
			if err := other.notify(); err != nil {
				return err
			}
		}
		sleep(hold)
		times[i][2] = now()
		if err := l.release(); err != nil {
			return err
		}
	}
	for _, t := range times {
		fmt.Println(t[0], t[1], t[2])
	}
	return nil
}
