//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// wake is two processes. The one that waits says so through a pipe, and the
// other one sets the event a millisecond later, when it sleeps, or soon.
var wake = row{
	name:        "wake",
	description: "from the call of set in one process to the waiter running in another, which has slept for 1 ms, or has hardly fallen asleep",
	peers:       []string{ours, bareFsnotify, rawInotify, mpEvent, managerEvent, pipe, statPolling},
	rounds:      func(s scale) int { return s.wakeRounds },
	figures: []figure{
		{name: "set to wake, p50", unit: nanoseconds, key: "wake", reduce: quantile(0.5)},
		{name: "set to wake, p99", unit: nanoseconds, key: "wake", reduce: quantile(0.99)},
		{name: "set soon to wake, p50", unit: nanoseconds, key: "soon", reduce: quantile(0.5)},
	},
	bounds: []bound{
		{figure: "set to wake, p50", against: bareFsnotify, limit: 1.2, text: "≤ 1.2 ×"},
		{figure: "set to wake, p50", against: mpEvent, limit: 1.1, text: "≤ 1.1 ×"},
		{figure: "set to wake, p50", against: managerEvent, limit: 0.5, text: "≤ 0.5 ×"},
	},
	measure: measureWake,
}

// wakesToWarmUp are not counted.
const wakesToWarmUp = 5

// The pause before set. It varies a little, and for who polls by the time
// between two looks, because a waiter does not know when it will be woken.
const (
	wakePause     = time.Millisecond
	wakeSpread    = 100 * time.Microsecond
	soonPause     = 20 * time.Microsecond // the waiter has hardly fallen asleep
	soonSpread    = 20 * time.Microsecond
	pollingSpread = statPause
)

func measureWake(b *bench, peer string) (sample, error) {
	if peer == statPolling {
		wake, err := b.wakeLatencies(peer, b.scale.slowWakes, wakePause, pollingSpread)
		return sample{values: map[string][]float64{"wake": wake}}, err
	}
	wake, err := b.wakeLatencies(peer, b.scale.wakes, wakePause, wakeSpread)
	if err != nil {
		return sample{}, err
	}
	soon, err := b.wakeLatencies(peer, b.scale.wakes, soonPause, soonSpread)
	return sample{values: map[string][]float64{"wake": wake, "soon": soon}}, err
}

func (b *bench) wakeLatencies(peer string, n int, pause, spread time.Duration) ([]float64, error) {
	n += wakesToWarmUp
	wakes := b.wakesOfPair
	if pythonEvent[peer] != "" {
		wakes = b.wakesOfProgram
	}
	times, err := wakes(peer, n, int64(pause), int64(spread))
	if err != nil {
		return nil, err
	}
	var latencies []float64
	for _, t := range times[wakesToWarmUp:] {
		if t[1] < t[0] {
			return nil, fmt.Errorf("awake %v before it was set", time.Duration(t[0]-t[1]))
		}
		latencies = append(latencies, float64(t[1]-t[0]))
	}
	return latencies, nil
}

// wakesOfOne are those of a program that starts the two processes by itself.
// It says all times, of set and of being awake.
func (b *bench) wakesOfProgram(peer string, n int, pause, spread int64) ([][2]int64, error) {
	p, err := b.role("wake", peer, "", n, pause, spread)
	if err != nil {
		return nil, err
	}
	times := make([][2]int64, n)
	for i := range times {
		got, err := p.numbers(2)
		if err != nil {
			return nil, err
		}
		times[i] = [2]int64(got)
	}
	return times, nil
}

// wakesOfTwo are those of two processes with pipes between them.
func (b *bench) wakesOfPair(peer string, n int, pause, spread int64) ([][2]int64, error) {
	path, err := b.markerPath("wake")
	if err != nil {
		return nil, err
	}
	setter, waiter, err := b.startPair(
		b.roleCommand("wake-set", peer, path, n, pause, spread),
		b.roleCommand("wake-wait", peer, path, n),
	)
	if err != nil {
		return nil, err
	}
	times := make([][2]int64, n)
	for i := range times {
		for j, p := range []*proc{setter, waiter} {
			got, err := p.numbers(1)
			if err != nil {
				return nil, err
			}
			times[i][j] = got[0]
		}
	}
	return times, nil
}

// wakeOther sets the event whenever the other one waits.
func setForWaiter(peer, path string, args []string) error {
	var n, pause, spread int64
	if err := numberArgs(args, &n, &pause, &spread); err != nil {
		return err
	}
	e, err := newSetter(peer, path)
	if err != nil {
		return err
	}
	other, tell := os.NewFile(3, "other"), os.NewFile(4, "tell")
	token := make([]byte, 1)
	times := make([]int64, n)
	fmt.Println("ready")
	for i := range times {
		if _, err := other.Read(token); err != nil {
			return err
		}
		sleep(pause + rand.Int64N(spread))
		times[i] = now()
		if err := e.set(); err != nil {
			return err
		}
		if _, err := tell.Write(token); err != nil {
			return err
		}
	}
	return printTimes(times)
}

// beWoken is the other one. It clears what it has been woken by when set has
// returned, which may be later: set has more to do than to wake.
func waitForSetter(peer, path string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	e, err := newWaiter(peer, path)
	if err != nil {
		return err
	}
	other, tell := os.NewFile(3, "other"), os.NewFile(4, "tell")
	token := make([]byte, 1)
	fmt.Println("ready")
	var telling error
	times := make([]int64, n)
	for i := range times {
		err := e.wait(func() { _, telling = tell.Write(token) })
		times[i] = now()
		if err != nil {
			return err
		}
		if telling != nil {
			return telling
		}
		if _, err := other.Read(token); err != nil {
			return err
		}
		if err := e.clear(); err != nil {
			return err
		}
	}
	return printTimes(times)
}

func printTimes(times []int64) error {
	for _, t := range times {
		if _, err := fmt.Println(t); err != nil {
			return err
		}
	}
	return nil
}
