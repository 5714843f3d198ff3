//go:build linux

package main

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

func init() {
	addFault(&fault{
		name: "kill", about: "kill -9 of one process, mostly one that holds a lock", every: 120 * time.Millisecond, kills: true,
		strike: func(r *round, rng *rand.Rand) error {
			if p := r.chooseHolder(rng); p != nil {
				r.kill(p)
			}
			return nil
		},
	})
	addFault(&fault{
		name: "kill-group", about: "kill -9 of several processes at once, holders and waiters, up to all", every: 700 * time.Millisecond, kills: true,
		strike: func(r *round, rng *rand.Rand) error {
			ps := r.alive()
			rng.Shuffle(len(ps), func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
			if len(ps) < 2 {
				return nil
			}
			ps = ps[:1+rng.IntN(len(ps)-1)]
			if p := r.chooseHolder(rng); p != nil && !slices.Contains(ps, p) {
				ps = append(ps, p)
			}
			r.kill(ps...)
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

// chooseHolder returns a process that holds a lock, as the critical section shows, or any
// process if there is soon none.
func (r *round) chooseHolder(rng *rand.Rand) *process {
	var locks []object
	for _, o := range r.plan.objects {
		if o.kind == exclusiveLock && !o.slow && !o.fileMoves && !o.dirMoves {
			locks = append(locks, o)
		}
	}
	if len(locks) == 0 || rng.IntN(5) == 0 {
		return r.choose(rng)
	}
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); r.pause(20 * time.Microsecond) {
		word := &r.overlap[locks[rng.IntN(len(locks))].number].writer
		hold := word.Load()
		for _, p := range r.alive() {
			if hold>>32 == uint64(p.cmd.Process.Pid) && r.stopsWith(p, word, hold) {
				return p
			}
		}
	}
	return r.choose(rng)
}

// stopsWith stops a process, so that it cannot release the lock before it is killed. If it
// has released it by then, the process goes on.
func (r *round) stopsWith(p *process, word *atomic.Uint64, hold uint64) bool {
	goOn := r.stopNow(p)
	r.pause(300 * time.Microsecond)
	if word.Load() == hold {
		return true
	}
	goOn()
	return false
}

// choose returns a process, or nil if there is none.
func (r *round) choose(rng *rand.Rand) *process {
	ps := r.alive()
	if len(ps) == 0 {
		return nil
	}
	return ps[rng.IntN(len(ps))]
}
