//go:build linux

package main

import (
	"slices"
	"time"
)

var killedGroup = row{
	name:        "killed-group",
	description: "the holder and the waiters at the head of the queue are killed with SIGKILL at the same time: the time from the first signal until one of the other waiters holds the lock",
	peers:       []string{ours, rawFlock, gofrs},
	rounds:      func(s scale) int { return s.killRounds },
	figures: []figure{
		{name: "kill to acquired, p50", unit: nanoseconds, key: "latency", reduce: quantile(0.5), pooled: true},
		{name: "kill to acquired, p99", unit: nanoseconds, key: "latency", reduce: quantile(0.99), pooled: true},
	},
	bounds: []bound{
		{figure: "kill to acquired, p99", limit: ns(10 * time.Millisecond), text: "≤ 10 ms"},
	},
	measure: measureKilledGroup,
}

// The processes of a queue, beside the holder: those at its head are killed with the holder.
const (
	killedWaiters   = 5
	survivorWaiters = 4
)

func measureKilledGroup(b *bench, peer string) (sample, error) {
	path := b.lockPath("killed-group")
	var survivors []*proc
	for range survivorWaiters {
		p, err := b.role("wait", peer, path)
		if err != nil {
			return sample{}, err
		}
		survivors = append(survivors, p)
	}
	var latencies []float64
	for range b.scale.kills {
		latency, err := b.killGroup(survivors, peer, path)
		if err != nil {
			return sample{}, err
		}
		latencies = append(latencies, float64(latency))
	}
	return sample{values: map[string][]float64{"latency": latencies}}, nil
}

// killGroup starts a holder, and waiters before those that survive, and kills them.
func (b *bench) killGroup(survivors []*proc, peer, path string) (latency int64, err error) {
	holder, err := b.holder(peer, path)
	if err != nil {
		return 0, err
	}
	var head []*proc
	for range killedWaiters {
		p, err := b.role("wait", peer, path)
		if err != nil {
			return 0, err
		}
		head = append(head, p)
	}
	for _, queue := range [][]*proc{head, survivors} {
		if err := queueUp(queue); err != nil {
			return 0, err
		}
	}
	group := append([]*proc{holder}, head...)
	killed := now()
	for _, p := range group {
		if err := p.cmd.Process.Kill(); err != nil {
			return 0, err
		}
	}
	var times []int64
	for _, p := range survivors {
		at, err := p.number()
		if err != nil {
			return 0, err
		}
		times = append(times, at)
	}
	for _, p := range group {
		p.kill()
	}
	return slices.Min(times) - killed, nil
}

// queueUp makes processes wait for the lock, and returns when all of them sleep.
func queueUp(ps []*proc) error {
	for _, p := range ps {
		if err := p.send("wait"); err != nil {
			return err
		}
	}
	for _, p := range ps {
		if err := p.expect("waiting"); err != nil {
			return err
		}
	}
	return awaitIdle(ps, waiterInterval, waiterTimeout)
}
