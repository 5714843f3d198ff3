//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

var deadline = row{
	name:        "deadline",
	description: "a process waits 5 to 40 ms for a lock that is held: how much later than its deadline the wait ends",
	peers:       []string{ours, flockCommand, gofrs, pyFilelock},
	rounds:      func(s scale) int { return s.deadlineRounds },
	figures: []figure{
		{name: "overshoot, p50", unit: nanoseconds, key: "overshoot", reduce: quantile(0.5), pooled: true},
		{name: "overshoot, p99", unit: nanoseconds, key: "overshoot", reduce: quantile(0.99), pooled: true},
		{name: "overshoot, min", unit: nanoseconds, key: "overshoot", reduce: slices.Min[[]float64], pooled: true},
	},
	bounds: []bound{
		{figure: "overshoot, p99", limit: ns(5 * time.Millisecond), text: "≤ 5 ms"},
		{figure: "overshoot, min", limit: 0, atLeast: true, text: "never early"},
	},
	measure: measureDeadline,
}

func measureDeadline(b *bench, peer string) (sample, error) {
	path := b.lockPath("deadline")
	if _, err := b.holder(holderFor(peer), path); err != nil {
		return sample{}, err
	}
	overshoots := b.roleOvershoots
	if peer == flockCommand {
		overshoots = b.commandOvershoots
	}
	values, err := overshoots(peer, path)
	return sample{values: map[string][]float64{"overshoot": values}}, err
}

// randomTimeout returns how long a wait may last, in whole milliseconds.
func randomTimeout() time.Duration {
	return time.Duration(5+rand.IntN(36)) * time.Millisecond
}

func (b *bench) roleOvershoots(peer, path string) (values []float64, err error) {
	args := make([]any, b.scale.deadlines)
	for i := range args {
		args[i] = int64(randomTimeout())
	}
	p, err := b.role("deadline", peer, path, args...)
	if err != nil {
		return nil, err
	}
	for range args {
		overshoot, err := p.number()
		if err != nil {
			return nil, err
		}
		values = append(values, float64(overshoot))
	}
	return values, nil
}

// commandOvershoots measures flock(1), including the start of its process.
func (b *bench) commandOvershoots(_, path string) (values []float64, err error) {
	for range b.scale.deadlines {
		d := randomTimeout()
		cmd := exec.CommandContext(b.ctx, "flock", "-w", strconv.FormatFloat(d.Seconds(), 'f', 3, 64), path, "true")
		start := now()
		err := cmd.Run()
		took := since(start)
		var status *exec.ExitError
		if !errors.As(err, &status) || status.ExitCode() != 1 {
			return nil, fmt.Errorf("flock did not time out: %v", err)
		}
		values = append(values, ns(took-d))
	}
	return values, nil
}

// timeOutWaits waits once for each timeout in its arguments, and prints how much
// longer than that the wait lasted.
func timeOutWaits(peer, path string, args []string) error {
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	for _, arg := range args {
		var d int64
		if err := numberArgs([]string{arg}, &d); err != nil {
			return err
		}
		start := now()
		ok, err := l.tryFor(time.Duration(d))
		took := since(start)
		if err != nil || ok {
			return fmt.Errorf("did not time out: %v, %v", ok, err)
		}
		fmt.Println(int64(took) - d)
	}
	return nil
}
