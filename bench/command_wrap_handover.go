//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// until is a command that says that it runs, and does so until it is told to
// end.
var holdCommand = []string{"sh", "-c", "echo runs; read end"}

func (b *bench) startWrapper(peer, path string, options ...string) (*proc, error) {
	w, err := b.wrapper(peer)
	if err != nil {
		return nil, err
	}
	return b.start(w.on(b.ctx, slices.Concat(options, []string{path}, holdCommand)...))
}

var wrapHandover = row{
	name:        "wrap-handover",
	description: "one wrapper waits for another's lock: from the word to the one command that it may end to the word from the other that it runs",
	peers:       []string{ours, flockCommand},
	rounds:      func(s scale) int { return s.wrapRounds },
	figures: []figure{
		{name: "end to start, p50", unit: nanoseconds, key: "handover", reduce: quantile(0.5)},
	},
	bounds: []bound{
		{figure: "end to start, p50", against: flockCommand, limit: 1.5, text: "≤ 1.5 ×"},
	},
	measure: measureWrapHandover,
}

func measureWrapHandover(b *bench, peer string) (sample, error) {
	path := b.lockPath("wrap-handover")
	running, err := b.startWrapper(peer, path)
	if err == nil {
		err = running.expect("runs")
	}
	var values []float64
	for range b.scale.wraps {
		if err != nil {
			return sample{}, err
		}
		var next *proc
		if next, err = b.startWrapper(peer, path); err != nil {
			return sample{}, err
		}
		if err := awaitIdle([]*proc{next}, waiterInterval, waitersTimeout); err != nil {
			return sample{}, err
		}
		start := now()
		if err := running.send("end"); err != nil {
			return sample{}, err
		}
		err = next.expect("runs")
		values = append(values, float64(now()-start))
		running.kill()
		running = next
	}
	return sample{values: map[string][]float64{"handover": values}}, err
}

var wrapWaiting = row{
	name:        "wrap-waiting",
	description: "20 wrappers wait for a lock: what each has in memory, and the CPU time that it takes in 5 s",
	peers:       []string{ours, flockCommand},
	rounds:      func(s scale) int { return s.wrapWaitingRounds },
	figures: []figure{
		{name: "resident memory, most", unit: byteCount, key: "resident", reduce: slices.Max[[]float64], pooled: true},
		{name: "CPU time, most", unit: nanoseconds, key: "cpu", reduce: slices.Max[[]float64], pooled: true},
	},
	bounds: []bound{
		{figure: "resident memory, most", limit: 8 << 20, text: "≤ 8 MiB"},
		{figure: "CPU time, most", limit: ns(5 * time.Millisecond), text: "≤ 0.1 %"},
	},
	measure: measureWrapWaiting,
}

func measureWrapWaiting(b *bench, peer string) (sample, error) {
	path := b.lockPath("wrap-waiting")
	first, err := b.startWrapper(peer, path)
	if err != nil {
		return sample{}, err
	}
	if err := first.expect("runs"); err != nil {
		return sample{}, err
	}
	procs := make([]*proc, b.scale.wrapsWaiting)
	for i := range procs {
		if procs[i], err = b.startWrapper(peer, path); err != nil {
			return sample{}, err
		}
	}
	used, err := b.cpuUsed(procs, b.scale.wrapWaitingTime)
	if err != nil {
		return sample{}, err
	}
	values := map[string][]float64{"cpu": used}
	for _, p := range procs {
		resident, err := residentMemory(p.pid())
		if err != nil {
			return sample{}, err
		}
		values["resident"] = append(values["resident"], float64(resident))
	}
	return sample{values: values}, nil
}

var wrapRace = row{
	name:        "wrap-race",
	description: "500 wrappers are started at once with -n on one lock, and the command of the one that gets it runs until all others have ended",
	peers:       []string{ours, flockCommand},
	rounds:      func(s scale) int { return s.wrapRaceRounds },
	figures: []figure{
		{name: "commands that ran too many, or too few", unit: count, key: "wrong", reduce: sum},
		{name: "wrappers that did not end with 1", unit: count, key: "other", reduce: sum},
		{name: "first start to last end", unit: nanoseconds, key: "took", reduce: median},
	},
	bounds: []bound{
		{figure: "commands that ran too many, or too few", limit: 0, text: "none"},
		{figure: "wrappers that did not end with 1", limit: 0, text: "none"},
	},
	measure: measureWrapRace,
}

func measureWrapRace(b *bench, peer string) (sample, error) {
	path := b.lockPath("wrap-race")
	begin := now()
	procs := make([]*proc, b.scale.wrapRace)
	for i := range procs {
		var err error
		if procs[i], err = b.startWrapper(peer, path, "-n"); err != nil {
			return sample{}, err
		}
	}
	ran, other := 0, 0
	for _, p := range procs {
		line, err := p.line()
		switch {
		case line == "runs":
			ran++
		case err == nil:
			return sample{}, fmt.Errorf("said %q", line)
		case endedWith(p, 1): // its output has ended, and line has seen it buried
		default:
			other++
		}
	}
	took := since(begin)
	wrong := max(ran-1, 1-ran)
	return sample{values: map[string][]float64{"wrong": {float64(wrong)}, "other": {float64(other)}, "took": {ns(took)}}}, nil
}

func endedWith(p *proc, status int) bool {
	return p.cmd.ProcessState != nil && p.cmd.ProcessState.ExitCode() == status
}

// residentMemory is what a process has in memory, with what it shares.
func residentMemory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	var size, resident int64
	_, err = fmt.Sscan(string(text), &size, &resident)
	return resident * int64(os.Getpagesize()), err
}
