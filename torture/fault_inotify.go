//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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
		name: "inotify-queue", about: "more changes of a directory, while a process is stopped, than its inotify queue holds", every: time.Second,
		why: func() error {
			_, err := queueLength()
			return err
		},
		strike: func(r *round, rng *rand.Rand) error {
			n, err := queueLength()
			p := r.chooseRunning(rng, goProgram)
			if err != nil {
				return err
			}
			if p == nil {
				return errMissed
			}
			r.stopWhile(p, func() {
				err = burst(filepath.Join(r.objects(), "still", "burst.lock"), n, r.isOver)
			})
			return err
		},
		slows: time.Second, // what was not reported is looked for once a second
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

// burst causes more than n reports. The kernel drops a report that is the same as the last.
func burst(path string, n int, isOver func() bool) error {
	for i := 0; i <= n && !isOver(); i += 2 {
		fd, err := unix.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o666)
		if err == unix.ENOSPC || err == unix.EROFS {
			return nil // another fault
		}
		if err != nil {
			return err
		}
		unix.Close(fd)
		if err := os.Remove(path); err != nil && !errors.Is(err, unix.EROFS) {
			return err
		}
	}
	return nil
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
