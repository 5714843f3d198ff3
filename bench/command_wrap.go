//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"time"
)

var wrap = row{
	name:        "wrap",
	description: "the time of `fsync-lock FILE true`, and of its peer with the same words; the first figure is a lock that nobody has",
	peers:       []string{ours, oursJournal, flockCommand, bare},
	rounds:      func(s scale) int { return s.wrapRounds },
	figures: []figure{
		{name: "FILE true, p50", unit: nanoseconds, key: "file", reduce: quantile(0.5)},
		{name: "FILE.lock true, p50", unit: nanoseconds, key: "lock", reduce: quantile(0.5)},
		{name: "-F FILE true, p50", unit: nanoseconds, key: "exec", reduce: quantile(0.5)},
	},
	bounds: []bound{
		{figure: "FILE true, p50", against: flockCommand, limit: 1.5, text: "≤ 1.5 ×"},
		{figure: "-F FILE true, p50", against: flockCommand, limit: 1.4, text: "≤ 1.4 ×"},
		{figure: "FILE true, p50", of: oursJournal, against: ours, limit: 1.05, text: "≤ 1.05 ×"},
	},
	measure: measureWrap,
}

// measureWrap starts programs one after the other. Beside them is the command
// by itself, so the difference is what a wrapper takes.
func measureWrap(b *bench, peer string) (sample, error) {
	path := b.lockPath("wrap")
	plain := path[:len(path)-len(".lock")]
	calls := map[string][]string{"file": {plain, "true"}, "lock": {path, "true"}, "exec": {"-F", plain, "true"}}
	switch peer {
	case oursJournal: // who has become the command writes no journal
		delete(calls, "exec")
	case bare:
		calls = map[string][]string{"file": nil}
	}
	values := map[string][]float64{}
	for what, args := range calls {
		for i := range b.scale.wraps + wrapsToWarmUp {
			took, err := b.runWrapped(peer, args)
			if err != nil {
				return sample{}, err
			}
			if i >= wrapsToWarmUp {
				values[what] = append(values[what], ns(took))
			}
		}
	}
	return sample{values: values}, nil
}

// wrapsToWarmUp are not counted.
const wrapsToWarmUp = 2

func (b *bench) runWrapped(peer string, args []string) (time.Duration, error) {
	cmd := exec.CommandContext(b.ctx, "true")
	if peer != bare {
		w, err := b.wrapper(peer)
		if err != nil {
			return 0, err
		}
		cmd = w.on(b.ctx, args...)
	}
	return timed(cmd)
}

// timed runs a command and returns how long it took.
func timed(cmd *exec.Cmd) (time.Duration, error) {
	start := now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%v: %w", cmd.Args, err)
	}
	return since(start), nil
}
