//go:build linux

package main

import (
	"fmt"
	"time"
)

// processes measures more waiting processes than a user may have inotify
// instances. The bare peer starts only as many as get an instance.
var processes = row{
	name:        "processes",
	description: "200 processes wait for one event; their user may have 128 inotify instances; the event is set when all have waited for 1 s",
	peers:       []string{ours, bareFsnotify},
	rounds:      func(s scale) int { return s.processesRounds },
	figures: []figure{
		{name: "waiters that did not wake", unit: count, key: "lost", reduce: sum, pooled: true},
		{name: "waiters with a watcher", unit: count, key: "watching", reduce: median},
		{name: "set to wake with a watcher, p50", unit: nanoseconds, key: "watched", reduce: quantile(0.5)},
		{name: "set to wake with a watcher, max", unit: nanoseconds, key: "watched", reduce: quantile(1)},
		{name: "set to wake by polling, p50", unit: nanoseconds, key: "unwatched", reduce: quantile(0.5)},
		{name: "set to wake by polling, max", unit: nanoseconds, key: "unwatched", reduce: quantile(1)},
	},
	bounds: []bound{
		{figure: "waiters that did not wake", limit: 0, text: "none"},
		{figure: "set to wake with a watcher, p50", against: bareFsnotify, limit: 1.5, text: "≤ 1.5 ×"},
		{figure: "set to wake by polling, max", limit: ns(250 * time.Millisecond), text: "≤ 250 ms"},
	},
	measure: measureProcesses,
}

// After waitBeforeSet, the pause between two polls of a waiter has reached its
// maximum.
const waitBeforeSet = time.Second

func measureProcesses(b *bench, peer string) (sample, error) {
	path, err := b.markerPath("processes")
	if err != nil {
		return sample{}, err
	}
	limit, err := b.newInotifyLimit(b.scale.watchers)
	if err != nil {
		return sample{}, err
	}
	e, err := b.newEventProcs(peer, path, b.scale.processes, limit)
	if err != nil {
		return sample{}, err
	}
	lost, values := 0, map[string][]float64{}
	for range b.scale.processesSets {
		if err := e.wait(); err != nil {
			return sample{}, err
		}
		select {
		case <-time.After(waitBeforeSet):
		case <-b.ctx.Done():
			return sample{}, b.ctx.Err()
		}
		latencies, n, err := e.wake("set")
		if err != nil {
			return sample{}, err
		}
		if _, err := e.setter.ask("clear"); err != nil {
			return sample{}, err
		}
		lost += n
		e.addByWatcher(values, latencies)
	}
	if e.watching() == 0 {
		return sample{}, fmt.Errorf("none of %d processes has a watcher: other programs of this user have them all", len(e.waiters))
	}
	values["lost"] = []float64{float64(lost)}
	values["watching"] = []float64{float64(e.watching())}
	return sample{values: values}, nil
}

// addByWatcher adds the latencies of waiters with a watcher and of waiters that
// poll to different lists.
func (e *eventProcs) addByWatcher(values map[string][]float64, latencies []time.Duration) {
	for i, latency := range latencies {
		key := "watched"
		if e.waiters[i].watchers == 0 {
			key = "unwatched"
		}
		if latency != notWoken {
			values[key] = append(values[key], ns(latency))
		}
	}
}
