//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// pulse measures Set followed at once by Clear while all waiters sleep.
var pulse = row{
	name:        "pulse",
	description: "20 processes wait; the event is set and at once cleared 1000 times, each time when all of them wait again",
	peers:       []string{ours, oursPolling, mpEvent},
	rounds:      func(s scale) int { return s.pulseRounds },
	figures: []figure{
		{name: "wake-ups", unit: count, key: "woken", reduce: sum, pooled: true},
		{name: "lost wake-ups", unit: count, key: "lost", reduce: sum, pooled: true},
		{name: "pulse to last wake-up, p50", unit: nanoseconds, key: "last", reduce: quantile(0.5)},
	},
	bounds: []bound{
		{figure: "lost wake-ups", limit: 0, text: "none"},
		{figure: "lost wake-ups", of: oursPolling, limit: 0, text: "none"},
	},
	measure: measurePulse,
}

// After maxBadPulses pulses that did not wake all waiters, no more follow: each
// takes wakeTimeout.
const maxBadPulses = 5

func measurePulse(b *bench, peer string) (sample, error) {
	if pythonEvent[peer] != "" {
		return b.pulsesOfProgram(peer)
	}
	path, err := b.markerPath("pulse")
	if err != nil {
		return sample{}, err
	}
	var limit *inotifyLimit
	if peer == oursPolling {
		if limit, err = b.newInotifyLimit(0); err != nil {
			return sample{}, err
		}
	}
	e, err := b.newEventProcs(peer, path, b.scale.pulseWaiters, limit)
	if err != nil {
		return sample{}, err
	}
	counts := newPulseCounts()
	for range b.scale.pulses {
		if err := e.wait(); err != nil {
			return sample{}, err
		}
		latencies, lost, err := e.wake("pulse")
		if err != nil {
			return sample{}, err
		}
		if counts.add(len(latencies)-lost, lost, slices.Max(latencies)); counts.bad == maxBadPulses {
			break
		}
	}
	if polls := e.watching() == 0; polls != (peer == oursPolling) {
		return sample{}, fmt.Errorf("%d of %d waiters had a watcher", e.watching(), len(e.waiters))
	}
	return counts.sample(), nil
}

// pulsesOfProgram measures a peer in Python: one program starts all processes.
func (b *bench) pulsesOfProgram(peer string) (sample, error) {
	waiters := b.scale.pulseWaiters
	p, err := b.role("pulse", peer, "", waiters, b.scale.pulses)
	if err != nil {
		return sample{}, err
	}
	counts := newPulseCounts()
	for range b.scale.pulses {
		got, err := p.numbers(3)
		if err != nil {
			return sample{}, err
		}
		woken, start, last := int(got[0]), got[1], got[2]
		counts.add(woken, waiters-woken, time.Duration(last-start))
	}
	return counts.sample(), nil
}

// pulseCounts counts the wake-ups of pulses.
type pulseCounts struct {
	values map[string][]float64
	bad    int // pulses that did not wake all waiters
}

func newPulseCounts() *pulseCounts { return &pulseCounts{values: map[string][]float64{}} }

func (c *pulseCounts) add(woken, lost int, last time.Duration) {
	c.values["woken"] = append(c.values["woken"], float64(woken))
	c.values["lost"] = append(c.values["lost"], float64(lost))
	c.values["last"] = append(c.values["last"], ns(last))
	if lost > 0 {
		c.bad++
	}
}

func (c *pulseCounts) sample() sample {
	s := sample{values: c.values}
	if c.bad > 0 {
		s.note = fmt.Sprintf("%d of %d pulses did not wake all waiters", c.bad, len(c.values["lost"]))
	}
	return s
}
