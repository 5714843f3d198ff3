//go:build linux

package main

import (
	"fmt"
	"slices"
)

var fairness = row{
	name:        "fairness",
	description: "16 processes acquire and release one lock in a tight loop for 5 s, with holds of 1 ms",
	peers:       []string{ours, rawFlock, gofrs, lockedFile, pyFilelock},
	rounds:      func(s scale) int { return s.fairnessRounds },
	figures: []figure{
		{name: "Jain's index of acquisitions", unit: share, key: "acquisitions", reduce: jain},
		{name: "fewest acquisitions / mean", unit: share, key: "acquisitions", reduce: leastOfMean},
		{name: "acquisitions, total", unit: count, key: "acquisitions", reduce: sum},
		{name: "longest wait", unit: nanoseconds, key: "longest", reduce: slices.Max[[]float64]},
	},
	bounds: []bound{
		{figure: "Jain's index of acquisitions", limit: 0.99, atLeast: true, text: "≥ 0.99"},
		{figure: "fewest acquisitions / mean", limit: 0.8, atLeast: true, text: "≥ 0.8"},
	},
	measure: measureFairness,
}

func measureFairness(b *bench, peer string) (sample, error) {
	procs, _, _, err := b.contend(b.scale.contenders, b.scale.fairnessTime, "contend", peer, b.lockPath("fairness"), int64(contendHold))
	if err != nil {
		return sample{}, err
	}
	var acquisitions, longest []float64
	for _, p := range procs {
		got, err := p.numbers(2)
		if err != nil {
			return sample{}, err
		}
		acquisitions = append(acquisitions, float64(got[0]))
		longest = append(longest, float64(got[1]))
	}
	return sample{values: map[string][]float64{"acquisitions": acquisitions, "longest": longest}}, nil
}

// contendForLock acquires and releases the lock until the end. It prints the
// number of acquisitions and the longest wait. If a wait lasts beyond the end,
// only the part before the end counts.
func contendForLock(peer, path string, args []string) error {
	var hold int64
	if err := numberArgs(args, &hold); err != nil {
		return err
	}
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	end, err := awaitStart()
	if err != nil {
		return err
	}
	acquisitions, longest := 0, int64(0)
	for {
		asked := now()
		if asked >= end {
			break
		}
		if err := l.acquire(); err != nil {
			return err
		}
		acquired := now()
		longest = max(longest, min(acquired, end)-asked)
		if acquired < end {
			acquisitions++
			sleep(hold)
		}
		if err := l.release(); err != nil {
			return err
		}
	}
	fmt.Println(acquisitions, longest)
	return nil
}
