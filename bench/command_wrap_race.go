//go:build linux

package main

import "fmt"

var wrapRace = row{
	name:        "wrap-race",
	description: "500 wrappers start with -n on one lock; the command of the wrapper that acquires it runs until all others have ended",
	peers:       []string{ours, flockCommand},
	rounds:      func(s scale) int { return s.wrapRaceRounds },
	figures: []figure{
		{name: "extra or missing commands", unit: count, key: "wrong", reduce: sum},
		{name: "wrappers that did not exit with 1", unit: count, key: "other", reduce: sum},
		{name: "first start to last exit", unit: nanoseconds, key: "took", reduce: median},
	},
	bounds: []bound{
		{figure: "extra or missing commands", limit: 0, text: "none"},
		{figure: "wrappers that did not exit with 1", limit: 0, text: "none"},
	},
	measure: measureWrapRace,
}

func measureWrapRace(b *bench, peer string) (sample, error) {
	path := b.lockPath("wrap-race")
	start := now()
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
		case line == "running":
			ran++
		case err == nil:
			return sample{}, fmt.Errorf("a wrapper printed %q", line)
		case !exitedWith(p, 1): // line has waited for the end of the process
			other++
		}
	}
	took := since(start)
	wrong := max(ran-1, 1-ran)
	return sample{values: map[string][]float64{"wrong": {float64(wrong)}, "other": {float64(other)}, "took": {ns(took)}}}, nil
}

func exitedWith(p *proc, status int) bool {
	return p.cmd.ProcessState != nil && p.cmd.ProcessState.ExitCode() == status
}
