//go:build linux

package main

import (
	"math/rand/v2"
	"time"
)

func init() {
	addFault(&fault{
		name: "kill", about: "kill -9 of one process", every: 120 * time.Millisecond, kills: true,
		strike: func(r *round, rng *rand.Rand) error {
			if p := r.choose(rng); p != nil {
				r.kill(p)
			}
			return nil
		},
	})
	addFault(&fault{
		name: "kill-group", about: "kill -9 of several processes at once, up to all", every: 700 * time.Millisecond, kills: true,
		strike: func(r *round, rng *rand.Rand) error {
			ps := r.alive()
			rng.Shuffle(len(ps), func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
			if len(ps) > 1 {
				r.kill(ps[:2+rng.IntN(len(ps)-1)]...)
			}
			return nil
		},
	})
	addFault(&fault{
		name: "stop", about: "SIGSTOP, and SIGCONT up to 1.5 s later", every: 200 * time.Millisecond,
		strike: func(r *round, rng *rand.Rand) error {
			if p := r.choose(rng); p != nil {
				x := rng.Float64()
				r.stop(p, time.Duration(x*x*float64(1500*time.Millisecond)))
			}
			return nil
		},
	})
}

// choose returns a process, or nil if there is none.
func (r *round) choose(rng *rand.Rand) *process {
	ps := r.alive()
	if len(ps) == 0 {
		return nil
	}
	return ps[rng.IntN(len(ps))]
}
