//go:build linux

package main

import (
	"fmt"
	"slices"
)

// wrapCrowd is as many wrappers as a crontab of a busy machine leaves behind a
// job that hangs. Memory that processes share is shared out between them.
var wrapCrowd = row{
	name:        "wrap-crowd",
	description: "300 wrappers wait for a lock: the threads that each has, and its part of the memory that they take together",
	peers:       []string{ours, flockCommand},
	rounds:      func(s scale) int { return s.wrapCrowdRounds },
	figures: []figure{
		{name: "threads, median", unit: count, key: "threads", reduce: median, pooled: true},
		{name: "threads, most", unit: count, key: "threads", reduce: slices.Max[[]float64], pooled: true},
		{name: "proportional memory, mean", unit: byteCount, key: "memory", reduce: mean, pooled: true},
		{name: "proportional memory, most", unit: byteCount, key: "memory", reduce: slices.Max[[]float64], pooled: true},
	},
	bounds: []bound{
		{figure: "threads, median", limit: 6, text: "≤ 6"},
		{figure: "threads, most", limit: 6, text: "≤ 6"},
		{figure: "proportional memory, mean", limit: 700e3, text: "≤ 0.7 MB"},
	},
	measure: measureWrapCrowd,
}

func measureWrapCrowd(b *bench, peer string) (sample, error) {
	path := b.lockPath("wrap-crowd")
	holder, err := b.startWrapper(peer, path)
	if err == nil {
		err = holder.expect("runs")
	}
	if err != nil {
		return sample{}, err
	}
	procs := make([]*proc, b.scale.wrapCrowd)
	for i := range procs {
		if procs[i], err = b.startWrapper(peer, path); err != nil {
			return sample{}, err
		}
	}
	if _, err := b.cpuUsed(procs, b.scale.wrapCrowdTime); err != nil {
		return sample{}, err
	}
	s := sample{values: map[string][]float64{}}
	for _, p := range procs {
		threads, err := threadsOf(p.pid())
		if err != nil {
			return sample{}, err
		}
		kilobytes, err := numberIn(fmt.Sprintf("/proc/%d/smaps_rollup", p.pid()), "Pss:")
		if err != nil {
			return sample{}, err
		}
		s.values["threads"] = append(s.values["threads"], float64(threads))
		s.values["memory"] = append(s.values["memory"], float64(kilobytes)*1024)
	}
	return s, nil
}
