//go:build linux

package main

import (
	"os/exec"
	"time"
)

var killed = row{
	name:        "killed",
	description: "kill -9 of the holder: from the signal to the waiter having the lock",
	peers:       []string{ours, rawFlock, flockCommand, gofrs},
	rounds:      func(s scale) int { return s.killRounds },
	figures: []figure{
		{name: "kill to acquired, p50", unit: nanoseconds, key: "latency", reduce: quantile(0.5), pooled: true},
		{name: "kill to acquired, p99", unit: nanoseconds, key: "latency", reduce: quantile(0.99), pooled: true},
	},
	bounds: []bound{
		{figure: "kill to acquired, p99", limit: ns(10 * time.Millisecond), text: "≤ 10 ms"},
	},
	measure: measureKilled,
}

// Times to find out that one waiter waits.
const (
	waiterInterval = 3 * time.Millisecond
	waiterTimeout  = 30 * time.Millisecond // for those that poll
)

func measureKilled(b *bench, peer string) (sample, error) {
	path := b.lockPath("killed")
	kill := b.killTool
	if peer != flockCommand {
		w, err := b.role("wait", peer, path)
		if err != nil {
			return sample{}, err
		}
		kill = func(peer, path string) (int64, error) { return b.killFor(w, peer, path) }
	}
	var latencies []float64
	for range b.scale.kills {
		latency, err := kill(peer, path)
		if err != nil {
			return sample{}, err
		}
		latencies = append(latencies, float64(latency))
	}
	return sample{values: map[string][]float64{"latency": latencies}}, nil
}

// killFor kills a holder while w waits.
func (b *bench) killFor(w *proc, peer, path string) (int64, error) {
	holder, err := b.holder(peer, path)
	if err != nil {
		return 0, err
	}
	if err := w.send("go"); err != nil {
		return 0, err
	}
	if err := w.expect("waiting"); err != nil {
		return 0, err
	}
	if err := awaitIdle([]*proc{w}, waiterInterval, waiterTimeout); err != nil {
		return 0, err
	}
	killed := now()
	if err := holder.cmd.Process.Kill(); err != nil {
		return 0, err
	}
	got, err := w.numbers(1)
	if err != nil {
		return 0, err
	}
	holder.kill()
	return got[0] - killed, nil
}

// killTool does that with flock(1). Its waiter has the lock when its command
// runs, so the start of that command is part of the time.
func (b *bench) killTool(_, path string) (int64, error) {
	holder, err := b.start(exec.CommandContext(b.ctx, "flock", "--no-fork", path, "sh", "-c", "echo held; read line"))
	if err != nil {
		return 0, err
	}
	if err := holder.expect("held"); err != nil {
		return 0, err
	}
	w, err := b.start(exec.CommandContext(b.ctx, "flock", "--no-fork", path, "echo", "got"))
	if err != nil {
		return 0, err
	}
	if err := awaitIdle([]*proc{w}, waiterInterval, waiterTimeout); err != nil {
		return 0, err
	}
	killed := now()
	if err := holder.cmd.Process.Kill(); err != nil {
		return 0, err
	}
	err = w.expect("got")
	latency := since(killed)
	holder.kill()
	w.kill()
	return int64(latency), err
}
