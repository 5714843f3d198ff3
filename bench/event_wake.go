//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// wake measures two processes. The waiter tells the setter through a pipe that
// it begins to wait. The setter sets the event 1 ms later, when the waiter
// sleeps, or after some microseconds, when the waiter has hardly begun to sleep.
var wake = row{
	name:        "wake",
	description: "the time from the call of Set in one process until a waiter in another process runs; the waiter has slept for 1 ms, or has just begun to sleep",
	peers:       []string{ours, bareFsnotify, rawInotify, mpEvent, managerEvent, pipe, statPolling},
	rounds:      func(s scale) int { return s.wakeRounds },
	figures: []figure{
		{name: "set to wake, p50", unit: nanoseconds, key: "wake", reduce: quantile(0.5)},
		{name: "set to wake, p99", unit: nanoseconds, key: "wake", reduce: quantile(0.99)},
		{name: "early set to wake, p50", unit: nanoseconds, key: "early", reduce: quantile(0.5)},
	},
	bounds: []bound{
		{figure: "set to wake, p50", against: bareFsnotify, limit: 1.2, text: "≤ 1.2 ×"},
		{figure: "set to wake, p50", against: mpEvent, limit: 1.1, text: "≤ 1.1 ×"},
		{figure: "set to wake, p50", against: managerEvent, limit: 0.5, text: "≤ 0.5 ×"},
	},
	measure: measureWake,
}

// The first wakesToWarmUp wake-ups do not count.
const wakesToWarmUp = 5

// The setter pauses before each Set. The pause varies, because a waiter does not
// know when it will be woken: a little, or by the poll interval of a peer that
// polls.
const (
	wakePause     = time.Millisecond
	wakeSpread    = 100 * time.Microsecond
	earlyPause    = 20 * time.Microsecond
	earlySpread   = 20 * time.Microsecond
	pollingSpread = statPoll
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
	early, err := b.wakeLatencies(peer, b.scale.wakes, earlyPause, earlySpread)
	return sample{values: map[string][]float64{"wake": wake, "early": early}}, err
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
		if t.woken < t.set {
			return nil, fmt.Errorf("woke %v before the event was set", time.Duration(t.set-t.woken))
		}
		latencies = append(latencies, float64(t.woken-t.set))
	}
	return latencies, nil
}

// wakeTimes are the time when Set was called and the time when the waiter woke.
type wakeTimes struct{ set, woken int64 }

// wakesOfProgram measures a peer in Python: one program starts both processes
// and prints their times.
func (b *bench) wakesOfProgram(peer string, n int, pause, spread int64) ([]wakeTimes, error) {
	p, err := b.role("wake", peer, "", n, pause, spread)
	if err != nil {
		return nil, err
	}
	times := make([]wakeTimes, n)
	for i := range times {
		got, err := p.numbers(2)
		if err != nil {
			return nil, err
		}
		times[i] = wakeTimes{set: got[0], woken: got[1]}
	}
	return times, nil
}

// wakesOfPair measures a peer in Go: a setter and a waiter with pipes between
// them.
func (b *bench) wakesOfPair(peer string, n int, pause, spread int64) ([]wakeTimes, error) {
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
	times := make([]wakeTimes, n)
	for i := range times {
		if times[i].set, err = setter.number(); err != nil {
			return nil, err
		}
		if times[i].woken, err = waiter.number(); err != nil {
			return nil, err
		}
	}
	return times, nil
}

// setForWaiter sets the event n times, each time after the waiter has begun to
// wait, and prints the times.
func setForWaiter(peer, path string, args []string) error {
	var n, pause, spread int64
	if err := numberArgs(args, &n, &pause, &spread); err != nil {
		return err
	}
	e, err := newSetter(peer, path)
	if err != nil {
		return err
	}
	waiter := newPartner()
	times := make([]int64, n)
	fmt.Println("ready")
	for i := range times {
		if err := waiter.await(); err != nil {
			return err
		}
		sleep(pause + rand.Int64N(spread))
		times[i] = now()
		if err := e.set(); err != nil {
			return err
		}
		if err := waiter.notify(); err != nil {
			return err
		}
	}
	return printTimes(times)
}

// waitForSetter waits for the event n times and prints when it woke. It clears
// the event only when Set has returned: Set still has work to do after the
// waiter woke.
func waitForSetter(peer, path string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	e, err := newWaiter(peer, path)
	if err != nil {
		return err
	}
	setter := newPartner()
	fmt.Println("ready")
	var notifyErr error
	times := make([]int64, n)
	for i := range times {
		err := e.wait(func() { notifyErr = setter.notify() })
		times[i] = now()
		if err != nil {
			return err
		}
		if notifyErr != nil {
			return notifyErr
		}
		if err := setter.await(); err != nil {
			return err
		}
		if err := e.clear(); err != nil {
			return err
		}
	}
	return printTimes(times)
}
