//go:build linux

package main

import (
	"os/exec"
	"slices"
	"time"
)

var waiting = row{
	name:        "waiting",
	description: "200 processes wait 10 s for a lock: the CPU time of each from when it had begun to wait",
	peers:       []string{ours, flockCommand, gofrs},
	rounds:      func(s scale) int { return s.waitingRounds },
	figures: []figure{
		{name: "CPU time, median", unit: nanoseconds, key: "cpu", reduce: median, pooled: true},
		{name: "CPU time, most", unit: nanoseconds, key: "cpu", reduce: slices.Max[[]float64], pooled: true},
	},
	bounds: []bound{
		{figure: "CPU time, most", limit: ns(10 * time.Millisecond), text: "≤ 10 ms each"},
	},
	measure: measureWaiting,
}

// Times to find out that a process does nothing but wait.
const (
	waitersInterval = 100 * time.Millisecond // between two looks
	waitersTimeout  = 2 * time.Second        // for those that poll
)

func measureWaiting(b *bench, peer string) (sample, error) {
	path := b.lockPath("waiting")
	if _, err := b.holder(holderFor(peer), path); err != nil {
		return sample{}, err
	}
	procs := make([]*proc, b.scale.waiting)
	for i := range procs {
		p, err := b.waiter(peer, path)
		if err != nil {
			return sample{}, err
		}
		procs[i] = p
	}
	used, err := b.cpuUsed(procs, b.scale.waitingTime)
	return sample{values: map[string][]float64{"cpu": used}}, err
}

// cpuUsed is the CPU time that each process takes in a time, from when all of
// them do nothing but wait.
func (b *bench) cpuUsed(procs []*proc, in time.Duration) ([]float64, error) {
	if err := awaitIdle(procs, waitersInterval, waitersTimeout); err != nil {
		return nil, err
	}
	before, err := cpuTimes(procs)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(in): // this is what is measured
	case <-b.ctx.Done():
		return nil, b.ctx.Err()
	}
	used, err := cpuTimes(procs)
	for i := range used {
		used[i] -= before[i]
	}
	return used, err
}

// holderFor is the peer whose process holds the lock that a peer waits for.
func holderFor(peer string) string {
	if peer == flockCommand || pythonPackage[peer] != "" {
		return rawFlock
	}
	return peer
}

// waiter starts a process that waits for the lock.
func (b *bench) waiter(peer, path string) (*proc, error) {
	if peer == flockCommand {
		return b.start(exec.CommandContext(b.ctx, "flock", path, "true"))
	}
	p, err := b.role("wait", peer, path)
	if err != nil {
		return nil, err
	}
	if err := p.send("go"); err != nil {
		return nil, err
	}
	return p, p.expect("waiting")
}

func cpuTimes(procs []*proc) ([]float64, error) {
	times := make([]float64, len(procs))
	for i, p := range procs {
		t, err := cpuTime(p.pid())
		if err != nil {
			return nil, err
		}
		times[i] = ns(t)
	}
	return times, nil
}
