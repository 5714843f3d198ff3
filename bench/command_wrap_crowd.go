//go:build linux

package main

import "slices"

// wrapCrowd measures as many waiting wrappers as a crontab starts while one job
// hangs.
var wrapCrowd = row{
	name:        "wrap-crowd",
	description: "300 wrappers wait for a lock: the threads of each, and its memory, in which a page that n processes share counts as 1/n of a page",
	peers:       []string{ours, flockCommand},
	rounds:      func(s scale) int { return s.wrapCrowdRounds },
	figures: []figure{
		{name: "threads, median", unit: count, key: "threads", reduce: median, pooled: true},
		{name: "threads, max", unit: count, key: "threads", reduce: slices.Max[[]float64], pooled: true},
		{name: "proportional memory, mean", unit: byteCount, key: "memory", reduce: mean, pooled: true},
		{name: "proportional memory, max", unit: byteCount, key: "memory", reduce: slices.Max[[]float64], pooled: true},
	},
	bounds: []bound{
		{figure: "threads, median", limit: 6, text: "≤ 6"},
		{figure: "threads, max", limit: 6, text: "≤ 6"},
		{figure: "proportional memory, mean", limit: 700e3, text: "≤ 0.7 MB"},
	},
	measure: measureWrapCrowd,
}

func measureWrapCrowd(b *bench, peer string) (sample, error) {
	waiters, err := b.waitingWrappers(b.scale.wrapCrowd, peer, b.lockPath("wrap-crowd"))
	if err != nil {
		return sample{}, err
	}
	if _, err := b.cpuWhileWaiting(waiters, b.scale.wrapCrowdTime); err != nil {
		return sample{}, err
	}
	values := map[string][]float64{}
	for _, p := range waiters {
		threads, err := threadsOf(p.pid())
		if err != nil {
			return sample{}, err
		}
		memory, err := proportionalMemory(p.pid())
		if err != nil {
			return sample{}, err
		}
		values["threads"] = append(values["threads"], float64(threads))
		values["memory"] = append(values["memory"], float64(memory))
	}
	return sample{values: values}, nil
}
