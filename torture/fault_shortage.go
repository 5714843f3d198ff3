//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	addFault(&fault{
		name: "descriptors", about: "RLIMIT_NOFILE of a process lowered, so that it can open nothing or little", every: 150 * time.Millisecond,
		strike: func(r *round, rng *rand.Rand) error {
			return r.lowerForAWhile(r.chooseRunning(rng, goProgram), unix.RLIMIT_NOFILE, rng)
		},
		slows:  time.Second, // a process that cannot have a watcher, or open a directory, polls
		leaves: true, overtakes: true,
		excuses: lacksDescriptor,
	})
	threads := &threadLimit{}
	addFault(&fault{
		name: "threads", about: "a process can start no threads and no processes, or few", every: 200 * time.Millisecond, kills: true, overtakes: true,
		why: threads.impossible, setup: threads.setup, strike: threads.strike,
		slows: time.Second,
		excuses: func(op *operation, _ object) bool { // it starts flock(1), which starts its command
			return op.flags&byPeer != 0 && op.errno == int64(unix.EAGAIN)
		},
	})
}

// lacksDescriptor excuses what opens a file. A release, a check, a wait for a manual event, and
// a Clear that need not make .fsync again do not. A search for holders reads files of /proc, and
// does not find those that it cannot read.
func lacksDescriptor(op *operation, o object) bool {
	if op.errno != int64(unix.EMFILE) {
		return op.op == opHolders && op.errno < 0
	}
	makesSidecar := op.op == opClear && (o.tidied || o.sidecarGoes || o.remade) // .fsync was removed
	takesAll := op.op == opTakeAll                                              // it sets again what it has taken
	return makesSidecar || takesAll || op.acquires() || op.op == opHolders || op.op == opSet || op.op == opSlots || op.op == opResize || op.op == opReplace
}

// chooseRunning returns a process of one of the programs whose clients have begun, or nil.
func (r *round) chooseRunning(rng *rand.Rand, programs ...program) *process {
	ps := slices.DeleteFunc(r.alive(), func(p *process) bool {
		at, err := os.Stat(historyPath(r.dir, p.number))
		return !slices.Contains(programs, p.program) || err != nil || at.Size() == 0
	})
	if len(ps) == 0 {
		return nil
	}
	return ps[rng.IntN(len(ps))]
}

// lowerForAWhile lowers the number of descriptors or of processes that a process may have:
// to a few more than it has, or to fewer.
func (r *round) lowerForAWhile(p *process, which int, rng *rand.Rand) error {
	if p == nil {
		return errMissed
	}
	pid := p.cmd.Process.Pid
	limit := uint64(1)
	if which == unix.RLIMIT_NOFILE {
		fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		limit = uint64(max(len(fds)+rng.IntN(10)-4, 0))
	}
	undo, err := lowerLimit(pid, which, limit)
	if err != nil {
		return unlessEnded(err)
	}
	x := rng.Float64()
	r.pause(time.Duration(x * x * float64(500*time.Millisecond)))
	return unlessEnded(undo())
}

// lowerLimit lowers the soft limit of a process. The process may have more already.
func lowerLimit(pid, which int, limit uint64) (undo func() error, err error) {
	var old unix.Rlimit
	if err := unix.Prlimit(pid, which, nil, &old); err != nil {
		return nil, os.NewSyscallError("prlimit", err)
	}
	lower := unix.Rlimit{Cur: min(limit, old.Max), Max: old.Max}
	if err := unix.Prlimit(pid, which, &lower, nil); err != nil {
		return nil, os.NewSyscallError("prlimit", err)
	}
	return func() error { return os.NewSyscallError("prlimit", unix.Prlimit(pid, which, &old, nil)) }, nil
}

func unlessEnded(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return errMissed
	}
	return err
}

// A threadLimit limits the threads and processes of chosen processes. RLIMIT_NPROC does not
// bind root, so root uses a cgroup. For another user, RLIMIT_NPROC binds only the process
// that has it, although it counts all processes of the user.
//
// The Go runtime ends a program that cannot start a thread for 0.2 seconds.
type threadLimit struct {
	group   string // the directory of the cgroup; empty for RLIMIT_NPROC
	members []*process
}

func (t *threadLimit) impossible() error {
	if os.Geteuid() != 0 {
		return nil
	}
	group, err := makePidsGroup()
	if err != nil {
		return fmt.Errorf("RLIMIT_NPROC does not bind root, and a cgroup with a limit of processes cannot be made: %w", err)
	}
	return os.Remove(group)
}

func (t *threadLimit) setup(*round) (undo func(), err error) {
	t.group, t.members = "", nil
	if os.Geteuid() == 0 {
		if t.group, err = makePidsGroup(); err != nil {
			return nil, err
		}
	}
	group := t.group // a setup for the next round may come before the undo
	return func() {
		if group != "" {
			os.Remove(group) // it is empty, because all processes have ended
		}
	}, nil
}

// makePidsGroup makes a cgroup of which the number of processes and threads can be limited:
// beside this process, or under the root of the hierarchy of version 2, where processes and
// groups cannot be in one place.
func makePidsGroup() (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	under := "/sys/fs/cgroup"
	for line := range strings.Lines(string(text)) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 && f[1] == "pids" {
			under = filepath.Join("/sys/fs/cgroup/pids", f[2])
		}
	}
	group, err := os.MkdirTemp(under, "fsync-torture-")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(group, "pids.max"), []byte("max"), 0); err != nil {
		os.Remove(group)
		return "", err
	}
	return group, nil
}

func (t *threadLimit) strike(r *round, rng *rand.Rand) error {
	p := r.chooseRunning(rng, goProgram, flockProgram)
	if p == nil {
		return errMissed
	}
	t.members = append(t.members, p)
	r.mu.Lock()
	for _, m := range t.members { // all members of the cgroup
		if m.mayDie == 0 {
			m.mayDie = now()
		}
	}
	r.mu.Unlock()
	if t.group == "" {
		return r.lowerForAWhile(p, unix.RLIMIT_NPROC, rng)
	}
	if err := t.write("cgroup.procs", p.cmd.Process.Pid); err != nil {
		return unlessEnded(err)
	}
	text, err := os.ReadFile(filepath.Join(t.group, "pids.current"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil {
		err = t.write("pids.max", n+rng.IntN(3))
	}
	x := rng.Float64()
	r.pause(time.Duration(x * x * float64(500*time.Millisecond)))
	return errors.Join(err, t.write("pids.max", "max"))
}

func (t *threadLimit) write(file string, value any) error {
	return os.WriteFile(filepath.Join(t.group, file), fmt.Append(nil, value), 0)
}

// lacksThread reports whether a process has ended because it could not start a thread.
func (r *round) lacksThread(p *process) bool {
	text, _ := os.ReadFile(r.stderrPath(p))
	return strings.Contains(string(text), "failed to create new OS thread")
}
