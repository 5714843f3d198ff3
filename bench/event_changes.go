//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// changes is more changes in the directory than the kernel keeps for a process
// that does not read them, and then the one that matters, which is dropped.
var changes = row{
	name:        "changes",
	description: "a waiting process is stopped; 100000 changes in the directory, then the one that it waits for; it goes on, and has to see that",
	peers:       []string{ours, bareFsnotify},
	rounds:      func(s scale) int { return s.changesRounds },
	figures: []figure{
		{name: "last states seen", unit: count, key: "seen", reduce: sum, pooled: true},
		{name: "last states not seen", unit: count, key: "unseen", reduce: sum, pooled: true},
		{name: "going on to awake, most", unit: nanoseconds, key: "took", reduce: quantile(1), pooled: true},
	},
	bounds: []bound{
		{figure: "last states not seen", limit: 0, text: "none"},
	},
	measure: measureChanges,
}

// sawNothing is how long a process that goes on has until it is said not to
// have seen the last state.
const resumeTimeout = 3 * time.Second

// measureChanges does it once with an event that is set, and once with one
// that is cleared.
func measureChanges(b *bench, peer string) (sample, error) {
	values := map[string][]float64{"seen": {0}, "unseen": {0}}
	for _, last := range []string{"set", "clear"} {
		took, err := b.resumeLatency(peer, last)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			values["unseen"][0]++
		case err != nil:
			return sample{}, err
		default:
			values["seen"][0]++
			values["took"] = append(values["took"], float64(took))
		}
		b.killAll()
	}
	return sample{values: values}, nil
}

// changesUnseen returns how long after it went on the process saw the last
// state.
func (b *bench) resumeLatency(peer, last string) (int64, error) {
	path, err := b.markerPath("changes")
	if err != nil {
		return 0, err
	}
	setter, err := b.role("set", peer, path)
	if err != nil {
		return 0, err
	}
	if last == "clear" {
		if _, err := setter.ask("set"); err != nil {
			return 0, err
		}
	}
	p, err := b.startReady(b.roleCommand("await", peer, path))
	if err != nil {
		return 0, err
	}
	if err := p.send(last); err != nil {
		return 0, err
	}
	if _, err := p.asleep(); err != nil {
		return 0, err
	}
	if err := p.stop(); err != nil {
		return 0, err
	}
	if err := change(filepath.Join(filepath.Dir(path), "other"), b.scale.changes); err != nil {
		return 0, err
	}
	if _, err := setter.ask(last); err != nil {
		return 0, err
	}
	goesOn := now()
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		return 0, err
	}
	line, err := p.lineBy(time.Now().Add(resumeTimeout))
	if err != nil {
		return 0, err
	}
	woken, err := parseNumbers(line, 1)
	if err != nil {
		return 0, err
	}
	if woken[0] < goesOn {
		return 0, fmt.Errorf("awake %v before it went on", time.Duration(goesOn-woken[0]))
	}
	return woken[0] - goesOn, nil
}

// change adds and removes a second name of a file until that is n changes. To
// make a file each time would take some file systems much longer.
func change(path string, n int) error {
	file := path + "-file"
	if err := create(file); err != nil {
		return err
	}
	for range n / 2 {
		if err := os.Link(file, path); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// stop stops the process and returns when none of its threads runs any more.
func (p *proc) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(maxWait); !inState(p.pid(), "T"); {
		if time.Now().After(deadline) {
			return errTimedOut
		}
	}
	return nil
}
