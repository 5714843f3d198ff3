//go:build linux

package main

import (
	"slices"
	"time"
)

var wrapWaiting = row{
	name:        "wrap-waiting",
	description: "20 wrappers wait for a lock: the resident memory of each, and the CPU time of each in 5 s",
	peers:       []string{ours, flockCommand},
	rounds:      func(s scale) int { return s.wrapWaitingRounds },
	figures: []figure{
		{name: "resident memory, max", unit: byteCount, key: "resident", reduce: slices.Max[[]float64], pooled: true},
		{name: "CPU time, max", unit: nanoseconds, key: "cpu", reduce: slices.Max[[]float64], pooled: true},
	},
	bounds: []bound{
		{figure: "resident memory, max", limit: 8 << 20, text: "≤ 8 MiB"},
		{figure: "CPU time, max", limit: ns(5 * time.Millisecond), text: "≤ 0.1 % of a CPU"},
	},
	measure: measureWrapWaiting,
}

func measureWrapWaiting(b *bench, peer string) (sample, error) {
	waiters, err := b.waitingWrappers(b.scale.wrapsWaiting, peer, b.lockPath("wrap-waiting"))
	if err != nil {
		return sample{}, err
	}
	used, err := b.cpuWhileWaiting(waiters, b.scale.wrapWaitingTime)
	if err != nil {
		return sample{}, err
	}
	values := map[string][]float64{"cpu": used}
	for _, p := range waiters {
		resident, err := residentMemory(p.pid())
		if err != nil {
			return sample{}, err
		}
		values["resident"] = append(values["resident"], float64(resident))
	}
	return sample{values: values}, nil
}
