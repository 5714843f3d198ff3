//go:build linux

package main

import (
	"os/exec"
	"time"
)

var killed = row{
	name:        "killed",
	description: "the holder is killed with SIGKILL: the time from the signal until the waiter holds the lock",
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

// Arguments of awaitIdle for one waiter.
const (
	waiterInterval = 3 * time.Millisecond
	waiterTimeout  = 30 * time.Millisecond
)

func measureKilled(b *bench, peer string) (sample, error) {
	path := b.lockPath("killed")
	measure := func() (int64, error) { return b.killFlockCommand(path) }
	if peer != flockCommand {
		waiter, err := b.role("wait", peer, path)
		if err != nil {
			return sample{}, err
		}
		measure = func() (int64, error) { return b.killHolder(waiter, peer, path) }
	}
	var latencies []float64
	for range b.scale.kills {
		latency, err := measure()
		if err != nil {
			return sample{}, err
		}
		latencies = append(latencies, float64(latency))
	}
	return sample{values: map[string][]float64{"latency": latencies}}, nil
}

// killHolder starts a holder and kills it while the waiter waits.
func (b *bench) killHolder(waiter *proc, peer, path string) (latency int64, err error) {
	holder, err := b.holder(peer, path)
	if err != nil {
		return 0, err
	}
	if err := waiter.send("wait"); err != nil {
		return 0, err
	}
	if err := waiter.expect("waiting"); err != nil {
		return 0, err
	}
	return killLatency(holder, waiter, waiter.number)
}

// killFlockCommand does the same with flock(1). The command of the waiter prints
// when it runs, so the latency includes the start of that command.
func (b *bench) killFlockCommand(path string) (latency int64, err error) {
	holder, err := b.start(exec.CommandContext(b.ctx, "flock", "--no-fork", path, "sh", "-c", "echo held; read line"))
	if err != nil {
		return 0, err
	}
	if err := holder.expect("held"); err != nil {
		return 0, err
	}
	waiter, err := b.start(exec.CommandContext(b.ctx, "flock", "--no-fork", path, "echo", "acquired"))
	if err != nil {
		return 0, err
	}
	defer waiter.kill()
	return killLatency(holder, waiter, func() (int64, error) {
		err := waiter.expect("acquired")
		return now(), err
	})
}

// killLatency kills the holder, and returns how long after the kill the waiter acquired
// the lock. acquired waits for the acquisition and returns its time.
func killLatency(holder, waiter *proc, acquired func() (int64, error)) (latency int64, err error) {
	if err := awaitIdle([]*proc{waiter}, waiterInterval, waiterTimeout); err != nil {
		return 0, err
	}
	killed := now()
	if err := holder.cmd.Process.Kill(); err != nil {
		return 0, err
	}
	at, err := acquired()
	holder.kill()
	return at - killed, err
}
