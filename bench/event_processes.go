//go:build linux

package main

import (
	"fmt"
	"time"
)

// processes is more waiting processes than a user may have inotify instances.
// Of the bare peer there are as many as can have one.
var processes = row{
	name:        "processes",
	description: "200 processes of one user, who may have 128 inotify instances, wait for one event; all have waited for 1 s when it is set",
	peers:       []string{ours, bareFsnotify},
	rounds:      func(s scale) int { return s.processesRounds },
	figures: []figure{
		{name: "not woken", unit: count, key: "lost", reduce: sum, pooled: true},
		{name: "with a watcher", unit: count, key: "watching", reduce: median},
		{name: "set to wake with a watcher, p50", unit: nanoseconds, key: "watched", reduce: quantile(0.5)},
		{name: "set to wake with a watcher, most", unit: nanoseconds, key: "watched", reduce: quantile(1)},
		{name: "set to wake without one, p50", unit: nanoseconds, key: "unwatched", reduce: quantile(0.5)},
		{name: "set to wake without one, most", unit: nanoseconds, key: "unwatched", reduce: quantile(1)},
	},
	bounds: []bound{
		{figure: "not woken", limit: 0, text: "everyone"},
		{figure: "set to wake with a watcher, p50", against: bareFsnotify, limit: 1.5, text: "≤ 1.5 ×"},
		{figure: "set to wake without one, most", limit: ns(250 * time.Millisecond), text: "≤ 250 ms"},
	},
	measure: measureProcesses,
}

const (
	waitBeforeSet = time.Second     // who polls has become as slow by then as it gets
	wakeTimeout   = 5 * time.Second // to wake up
)

func measureProcesses(b *bench, peer string) (sample, error) {
	path, err := b.markerPath("processes")
	if err != nil {
		return sample{}, err
	}
	f, err := b.newInotifyLimit(b.scale.watchers)
	if err != nil {
		return sample{}, err
	}
	c, err := b.newEventProcs(peer, path, b.scale.processes, f)
	if err != nil {
		return sample{}, err
	}
	lost, values := 0, map[string][]float64{}
	asleep := make([]bool, len(c.waiters))
	for range b.scale.processesSets {
		if err := c.sleep(asleep); err != nil {
			return sample{}, err
		}
		select {
		case <-time.After(waitBeforeSet):
		case <-b.ctx.Done():
			return sample{}, b.ctx.Err()
		}
		took, err := c.wake("set", asleep, wakeTimeout)
		if err != nil {
			return sample{}, err
		}
		if _, err := c.setter.ask("clear"); err != nil {
			return sample{}, err
		}
		lost += c.sort(took, values)
	}
	s := sample{values: values}
	s.values["lost"] = []float64{float64(lost)}
	s.values["watching"] = []float64{float64(len(c.watchers) - countOf(c.watchers, 0))}
	if n := s.values["watching"][0]; n == 0 {
		return sample{}, fmt.Errorf("none of %d has a watcher: somebody else of this user has taken them", len(c.watchers))
	}
	return s, nil
}

// sort puts what the waiters took to where it belongs, and returns how many
// were not woken.
func (c *eventProcs) sort(took []time.Duration, into map[string][]float64) (lost int) {
	for i, t := range took {
		list := "watched"
		if c.watchers[i] == 0 {
			list = "unwatched"
		}
		if t < 0 {
			lost++
			continue
		}
		into[list] = append(into[list], ns(t))
	}
	return lost
}
