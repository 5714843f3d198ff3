//go:build linux

package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// slowCalls is a fault that the checks know: a step of a process may take longer.
const slowCalls = "slow-calls"

// slowdown is how much longer a wait, or another step that the checks know, takes at most with
// slowCalls.
const slowdown = time.Second

func init() {
	addFault(&fault{
		name: slowCalls, about: "two of three processes run under strace, which delays some of their system calls by up to 30 ms, so that a look and the act after it lie far apart",
		why: cannotDelay, prepare: delayCalls, slows: slowdown,
	})
}

// slowed returns how much longer a step takes at most.
func (p *plan) slowed() time.Duration {
	if p.has(slowCalls) {
		return slowdown
	}
	return 0
}

// A callClass has system calls that do the same thing for a process. The names are for strace; a
// question mark means that not every machine has the call.
type callClass struct {
	calls string
	often bool // a wait makes many of them
}

// write(2) is in no class, because the processes write their histories.
var callClasses = []callClass{
	{"?openat", true},
	{"?newfstatat,?fstat,?statx", true},
	{"?flock", true},
	{"?fcntl,?close", true}, // who waits at a gate
	{"?dup3,?tgkill", true}, // a wait is called back
	{"?read,?pread64,?getdents64", true},
	{"?unlinkat", false},
	{"?renameat,?renameat2,?linkat,?mkdirat", false},
	{"?inotify_add_watch,?inotify_rm_watch", false},
	{"?pwrite64,?ftruncate,?fsync,?fdatasync", false},
}

// underStrace makes a command run under strace(1). The process has the same ID and the same
// parent as without it, because strace is its grandchild, and ends after it. While strace starts,
// the process would end after three seconds without SIGALRM being ignored. Only the chosen calls,
// signals and new threads cost time.
var underStrace = strings.Fields("env --ignore-signal=ALRM strace -D -f --seccomp-bpf -qq -o /dev/null -e signal=none -e raw=all")

// endOfWait has the classes of the calls by which a wait is called back and leaves the gate.
var endOfWait = callClasses[2:5]

// delayCalls makes two of three processes of this library slow ones, and those that pass by a
// stopped one.
func delayCalls(r *round, p *process) {
	rng := r.plan.clientRand(p.number, slowClient)
	classes := callClasses
	if r.plan.comesBehind(p.slot) {
		classes = endOfWait
	} else if p.program != goProgram || rng.IntN(3) == 0 {
		return
	}
	wrap(p.cmd, slices.Concat(underStrace, delays(rng, classes))...)
	r.struck[slowCalls]++ // the caller has locked r.mu
}

// slowClient is the number of no client. Its random numbers choose what is delayed.
const slowClient = 1 << 10

// delays chooses one to four of the classes of calls, and returns the options for strace.
func delays(rng *rand.Rand, from []callClass) (options []string) {
	var calls []string
	for _, i := range rng.Perm(len(from))[:1+rng.IntN(min(len(from), 4))] {
		calls = append(calls, from[i].calls)
		options = append(options, "-e", "inject="+from[i].delay(rng))
	}
	return append(options, "-e", "trace="+strings.Join(calls, ","))
}

// delay chooses which of the calls are delayed, before or after they do what they do, and for how
// long. strace counts the calls of each thread.
func (c callClass) delay(rng *rand.Rand) string {
	longest, step := 30*time.Millisecond, 1+rng.IntN(2)
	if c.often {
		x := rng.Float64()
		longest, step = 15*time.Millisecond, 1+int(8*x*x)
	}
	d := time.Duration(float64(longest) * math.Pow(30, -rng.Float64()))
	at := [2]string{"delay_enter", "delay_exit"}[rng.IntN(2)]
	return fmt.Sprintf("%s:%s=%d:when=%d+%d", c.calls, at, d.Microseconds(), 1+rng.IntN(20), step)
}

// cannotDelay returns why calls cannot be delayed here, or nil. Under strace, a process has a
// tracer, unless ptrace(2) is not allowed, and a call takes as long as it says.
func cannotDelay() error {
	const delay = 50 * time.Millisecond
	inject := fmt.Sprintf("inject=?openat:delay_enter=%d:when=1", delay.Microseconds())
	args := append(slices.Clone(underStrace), "-e", "trace=?openat", "-e", inject, "grep", "-q", "TracerPid:[[:space:]]*[1-9]", "/proc/self/status")
	if _, err := exec.LookPath("strace"); err != nil {
		return err
	}
	start := time.Now()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = os.TempDir()
	out, err := cmd.CombinedOutput()
	if err == nil && time.Since(start) < delay {
		err = errors.New("it delayed nothing")
	}
	if err != nil {
		return fmt.Errorf("strace cannot delay system calls here: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
