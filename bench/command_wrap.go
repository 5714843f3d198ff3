//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"strings"
	"time"
)

var wrap = row{
	name:        "wrap",
	description: "the time of `fsync-lock FILE true` for a free lock, of its peers with the same arguments, and of `true` without a wrapper",
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

func measureWrap(b *bench, peer string) (sample, error) {
	path := b.lockPath("wrap")
	plain := strings.TrimSuffix(path, ".lock")
	calls := map[string][]string{"file": {plain, "true"}, "lock": {path, "true"}, "exec": {"-F", plain, "true"}}
	switch peer {
	case oursJournal: // with -F, the command replaces the wrapper, which then cannot write a journal
		delete(calls, "exec")
	case bare:
		calls = map[string][]string{"file": nil}
	}
	values := map[string][]float64{}
	for key, args := range calls {
		for i := range b.scale.wraps + wrapsToWarmUp {
			took, err := b.runWrapped(peer, args)
			if err != nil {
				return sample{}, err
			}
			if i >= wrapsToWarmUp {
				values[key] = append(values[key], ns(took))
			}
		}
	}
	return sample{values: values}, nil
}

// The first wrapsToWarmUp runs do not count.
const wrapsToWarmUp = 2

func (b *bench) runWrapped(peer string, args []string) (time.Duration, error) {
	cmd := exec.CommandContext(b.ctx, "true")
	if peer != bare {
		w, err := b.wrapper(peer)
		if err != nil {
			return 0, err
		}
		cmd = w.cmd(b.ctx, args...)
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
