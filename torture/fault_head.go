//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/internal/locktable"
)

func init() {
	addFault(&fault{
		name: "stop-head", about: "SIGSTOP for 3 to 4.5 s of the process at the head of the queue of a lock", every: 4 * time.Second,
		length: 7 * time.Second, strike: stopHead,
	})
}

// A headStop is a time in which a stopped process had the gate of a lock, but not the lock.
type headStop struct {
	object int
	by     *process
	span
}

// stopHead stops a process that has the gate of a lock and waits for the lock.
func stopHead(r *round, rng *rand.Rand) error {
	var locks []object
	for _, o := range r.plan.objects {
		if o.kind == exclusiveLock && !o.slow && !o.fileMoves && !o.dirMoves {
			locks = append(locks, o)
		}
	}
	if len(locks) == 0 {
		return errMissed
	}
	o := locks[rng.IntN(len(locks))]
	length := 3*time.Second + time.Duration(rng.Int64N(int64(1500*time.Millisecond)))
	for end := time.Now().Add(time.Second); time.Now().Before(end) && !r.isOver(); r.pause(time.Millisecond) {
		if stopped := r.stopHeadOf(o, length); stopped {
			return nil
		}
	}
	return errMissed
}

// stopHeadOf stops the process that has the gate of a lock. If the process turns out to have
// the lock, or to have left the gate by then, it goes on at once.
func (r *round) stopHeadOf(o object, length time.Duration) (stopped bool) {
	mounts := locktable.Mounts{}
	lock, err := mounts.Identify(r.path(o), false)
	if err != nil {
		return false
	}
	gate, err := mounts.Identify(gatePath(r.path(o)), false)
	if err != nil {
		return false // no process waits
	}
	alive := r.alive()
	i := slices.IndexFunc(alive, func(p *process) bool { return p.isHead(gate, lock) })
	if i < 0 {
		return false
	}
	p := alive[i]
	goOn := r.stopNow(p)
	defer goOn()
	for !p.allStopped() && !r.isOver() {
		r.pause(100 * time.Microsecond)
	}
	if !p.isHead(gate, lock) {
		return false
	}
	from := now()
	r.pause(length)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heads = append(r.heads, headStop{o.number, p, span{from, now()}})
	return true
}

// isHead reports whether a process has the gate, but not the lock.
func (p *process) isHead(gate, lock locktable.File) bool {
	pid := p.cmd.Process.Pid
	if _, has := locktable.HeldBy(pid, gate); !has {
		return false
	}
	_, has := locktable.HeldBy(pid, lock)
	return !has
}

// allStopped reports whether no thread of a process runs any more.
func (p *process) allStopped() bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
	return !slices.ContainsFunc(threads, func(stat string) bool {
		text, err := os.ReadFile(stat)
		state, _ := stateIn(string(text))
		return err == nil && state != "T"
	})
}
