//go:build linux

package main

import (
	"os/exec"
	"slices"
	"time"
)

var waiting = row{
	name:        "waiting",
	description: "200 processes wait 10 s for a lock: the CPU time of each, counted from when all of them sleep",
	peers:       []string{ours, flockCommand, gofrs},
	rounds:      func(s scale) int { return s.waitingRounds },
	figures: []figure{
		{name: "CPU time, median", unit: nanoseconds, key: "cpu", reduce: median, pooled: true},
		{name: "CPU time, max", unit: nanoseconds, key: "cpu", reduce: slices.Max[[]float64], pooled: true},
	},
	bounds: []bound{
		{figure: "CPU time, max", limit: ns(10 * time.Millisecond), text: "≤ 10 ms each"},
	},
	measure: measureWaiting,
}

// Arguments of awaitIdle for many waiters.
const (
	waitersInterval = 100 * time.Millisecond
	waitersTimeout  = 2 * time.Second
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
	used, err := b.cpuWhileWaiting(procs, b.scale.waitingTime)
	return sample{values: map[string][]float64{"cpu": used}}, err
}

// cpuWhileWaiting waits until all processes sleep, and then returns the CPU time
// that each uses during the given time.
func (b *bench) cpuWhileWaiting(procs []*proc, during time.Duration) ([]float64, error) {
	if err := awaitIdle(procs, waitersInterval, waitersTimeout); err != nil {
		return nil, err
	}
	before, err := cpuTimes(procs)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(during): // the time that is measured
	case <-b.ctx.Done():
		return nil, b.ctx.Err()
	}
	used, err := cpuTimes(procs)
	for i := range used {
		used[i] -= before[i]
	}
	return used, err
}

// holderFor returns the peer whose lock the holder acquires. For flock(1) and the
// peers in Python, that is flock(2): all of them lock the file with it.
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
	if err := p.send("wait"); err != nil {
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
