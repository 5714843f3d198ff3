//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// pulse is a set and at once a clear, when all waiters sleep.
var pulse = row{
	name:        "pulse",
	description: "20 processes wait; the event is set and at once cleared, 1000 times, each time when all wait again",
	peers:       []string{ours, oursPolling, mpEvent},
	rounds:      func(s scale) int { return s.pulseRounds },
	figures: []figure{
		{name: "wake-ups", unit: count, key: "woken", reduce: sum, pooled: true},
		{name: "wake-ups that did not come", unit: count, key: "lost", reduce: sum, pooled: true},
		{name: "pulse to last awake, p50", unit: nanoseconds, key: "last", reduce: quantile(0.5)},
	},
	bounds: []bound{
		{figure: "wake-ups that did not come", limit: 0, text: "none"},
		{figure: "wake-ups that did not come", of: oursPolling, limit: 0, text: "none"},
	},
	measure: measurePulse,
}

// A wake-up that takes pulseTooLong does not come. After maxLost pulses with
// one of these no more are given.
const (
	maxLost = 5
)

func measurePulse(b *bench, peer string) (sample, error) {
	if pythonEvent[peer] != "" {
		return b.pulsesOfProgram(peer)
	}
	path, err := b.markerPath("pulse")
	if err != nil {
		return sample{}, err
	}
	var f *inotifyLimit
	if peer == oursPolling {
		if f, err = b.newInotifyLimit(0); err != nil {
			return sample{}, err
		}
	}
	c, err := b.newEventProcs(peer, path, b.scale.pulseWaiters, f)
	if err != nil {
		return sample{}, err
	}
	t := newPulseCounts()
	asleep := make([]bool, len(c.waiters))
	for range b.scale.pulses {
		if err := c.sleep(asleep); err != nil {
			return sample{}, err
		}
		took, err := c.wake("pulse", asleep, wakeTimeout)
		if err != nil {
			return sample{}, err
		}
		woken := len(took) - countOf(took, -1)
		if t.add(woken, len(took)-woken, slices.Max(took)); t.givenUp() {
			break
		}
	}
	if polls := slices.Max(c.watchers) == 0; polls != (f != nil) {
		return sample{}, fmt.Errorf("the waiters had %v watchers", c.watchers)
	}
	return t.sample(), nil
}

// pulsesOfOne are those of a program that starts all processes by itself.
func (b *bench) pulsesOfProgram(peer string) (sample, error) {
	n := b.scale.pulseWaiters
	p, err := b.role("pulse", peer, "", n, b.scale.pulses)
	if err != nil {
		return sample{}, err
	}
	t := newPulseCounts()
	for range b.scale.pulses {
		got, err := p.numbers(3)
		if err != nil {
			return sample{}, err
		}
		t.add(int(got[0]), n-int(got[0]), time.Duration(got[2]-got[1]))
	}
	return t.sample(), nil
}

// A tally counts what came of pulses.
type pulseCounts struct {
	values map[string][]float64
	bad    int // pulses that not all were woken by
}

func newPulseCounts() *pulseCounts { return &pulseCounts{values: map[string][]float64{}} }

func (t *pulseCounts) add(woken, lost int, last time.Duration) {
	t.values["woken"] = append(t.values["woken"], float64(woken))
	t.values["lost"] = append(t.values["lost"], float64(lost))
	t.values["last"] = append(t.values["last"], ns(last))
	if lost > 0 {
		t.bad++
	}
}

func (t *pulseCounts) givenUp() bool { return t.bad == maxLost }

func (t *pulseCounts) sample() sample {
	s := sample{values: t.values}
	if t.bad > 0 {
		s.note = fmt.Sprintf("%d of %d pulses did not wake all", t.bad, len(t.values["lost"]))
	}
	return s
}

// countOf returns how many of the values are this one.
func countOf[T comparable](values []T, v T) (n int) {
	for _, other := range values {
		if other == v {
			n++
		}
	}
	return n
}
