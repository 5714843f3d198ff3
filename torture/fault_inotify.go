//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Used up means that a user namespace allows no more of it: then the kernel returns the same
// error as if the user had no more. Programs outside the namespace notice nothing.
func init() {
	for _, l := range []*inotifyLimit{{file: "max_inotify_instances"}, {file: "max_inotify_watches", strikes: true}} {
		f := &fault{
			name: "inotify-instances", about: "no inotify instances for half of the processes, and at times some", every: 500 * time.Millisecond,
			why: l.impossible, setup: l.setup, prepare: l.prepare, strike: l.strike, entersNamespace: true,
			slows: time.Second, // polling
		}
		if l.strikes {
			f.name, f.about, f.every = "inotify-watches", "no more inotify watches for half of the processes", 200*time.Millisecond
		}
		addFault(f)
	}
	addFault(&fault{
		name: "inotify-queue", about: "more changes of a directory, while a process is stopped, than its inotify queue holds", every: 300 * time.Millisecond,
		why: func() error {
			_, err := queueLength()
			return err
		},
		strike: overflowQueue,
	})
}

// queueLength returns how many reports the queue of an inotify instance holds.
func queueLength() (int, error) {
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil && n > 1<<15 {
		err = fmt.Errorf("the queues hold %d reports, too many to fill them", n)
	}
	return n, err
}

// burst causes more than n reports: each rename causes two. A rename takes much less time than
// to create and remove a file.
func burst(path string, n int, isOver func() bool) error {
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		return err
	}
	other := path + ".lock"
	for i := 0; i <= n && !isOver(); i += 2 {
		if err := unix.Rename(path, other); err != nil {
			return os.NewSyscallError("rename", err)
		}
		path, other = other, path
	}
	return os.Remove(path)
}

// An inotifyLimit limits the processes of every second slot.
type inotifyLimit struct {
	file    string // in /proc/sys/user
	strikes bool   // a strike lowers the limit; otherwise it is low, and a strike raises it
	in      *namespace
}

func (l *inotifyLimit) impossible() error {
	undo, err := l.setup(nil)
	if err == nil {
		undo()
	}
	return err
}

func (l *inotifyLimit) setup(*round) (undo func(), err error) {
	n, err := newNamespace(true, false)
	if err != nil {
		return nil, err
	}
	l.in = n
	if err := l.set(l.usual()); err != nil {
		n.end()
		return nil, err
	}
	return n.end, nil
}

func (l *inotifyLimit) usual() int {
	if l.strikes {
		return 1 << 20
	}
	return 0
}

func (l *inotifyLimit) set(n int) error {
	return l.in.ask("write", "/proc/sys/user/"+l.file, strconv.Itoa(n))
}

func (l *inotifyLimit) prepare(r *round, p *process) {
	if p.program == goProgram && p.slot%2 == 0 {
		l.in.enter(p.cmd)
	}
}

func (l *inotifyLimit) strike(r *round, rng *rand.Rand) error {
	n := 0
	if !l.strikes {
		n = 1 + rng.IntN(6)
	}
	if err := l.set(n); err != nil {
		return err
	}
	x := rng.Float64()
	r.pause(time.Duration(x * x * float64(500*time.Millisecond)))
	return l.set(l.usual())
}
