//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

const contendHold = time.Millisecond

var fairness = row{
	name:        "fairness",
	description: "16 processes acquire and release in a tight loop, 1 ms holds, for 5 s",
	peers:       []string{ours, rawFlock, gofrs, lockedFile, pyFilelock},
	rounds:      func(s scale) int { return s.fairnessRounds },
	figures: []figure{
		{name: "Jain's index of acquisitions", unit: share, key: "served", reduce: jain},
		{name: "least served / mean", unit: share, key: "served", reduce: leastServed},
		{name: "acquisitions of all", unit: count, key: "served", reduce: sum},
		{name: "longest wait", unit: nanoseconds, key: "longest", reduce: slices.Max[[]float64]},
	},
	bounds: []bound{
		{figure: "Jain's index of acquisitions", limit: 0.99, atLeast: true, text: "≥ 0.99"},
		{figure: "least served / mean", limit: 0.8, atLeast: true, text: "≥ 0.8"},
	},
	measure: measureFairness,
}

func measureFairness(b *bench, peer string) (sample, error) {
	path := b.lockPath("fairness")
	procs := make([]*proc, b.scale.contenders)
	for i := range procs {
		p, err := b.startReady(b.roleCommand("contend", peer, path, int64(contendHold)))
		if err != nil {
			return sample{}, err
		}
		procs[i] = p
	}
	start := now() + int64(50*time.Millisecond)
	for _, p := range procs {
		if err := p.send(start, start+int64(b.scale.fairnessTime)); err != nil {
			return sample{}, err
		}
	}
	var served, longest []float64
	for _, p := range procs {
		got, err := p.numbers(2)
		if err != nil {
			return sample{}, err
		}
		served = append(served, float64(got[0]))
		longest = append(longest, float64(got[1]))
	}
	return sample{values: map[string][]float64{"served": served, "longest": longest}}, nil
}

// contend is one of many: it loops from a start to an end that it is told and
// says how often it had the lock and how long it waited at most. The wait that
// the end finds it in counts as far as it went.
func contendForLock(peer, path string, args []string) error {
	var hold, start, end int64
	if err := numberArgs(args, &hold); err != nil {
		return err
	}
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := fmt.Fscan(input, &start, &end); err != nil {
		return err
	}
	sleep(start - now())
	served, longest := 0, int64(0)
	for {
		asked := now()
		if asked >= end {
			break
		}
		if err := l.acquire(); err != nil {
			return err
		}
		got := now()
		longest = max(longest, min(got, end)-asked)
		if got < end {
			served++
			sleep(hold)
		}
		if err := l.release(); err != nil {
			return err
		}
	}
	fmt.Println(served, longest)
	return nil
}
