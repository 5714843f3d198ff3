//go:build linux

package main

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	addFault(&fault{
		name: "sigurg", about: "storm of SIGURG, the signal that calls a wait in the kernel back", every: 300 * time.Millisecond, overtakes: true,
		strike: func(r *round, rng *rand.Rand) error {
			p := r.choose(rng)
			if p == nil {
				return nil
			}
			for end := time.Now().Add(time.Duration(rng.Int64N(int64(300 * time.Millisecond)))); time.Now().Before(end) && !r.isOver(); {
				p.interruptThreads()
				r.pause(time.Duration(rng.Int64N(int64(300 * time.Microsecond))))
			}
			return nil
		},
	})
}

// interruptThreads sends SIGURG to every thread of a process. By default a process ignores
// that signal, so it harms no other program.
func (p *process) interruptThreads() {
	pid := p.cmd.Process.Pid
	threads, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	for _, t := range threads {
		if tid, err := strconv.Atoi(strings.TrimSpace(t.Name())); err == nil {
			unix.Tgkill(pid, tid, unix.SIGURG)
		}
	}
}
