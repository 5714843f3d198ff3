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

// changes measures what a waiter misses when its directory changes more often than
// the kernel keeps for it. The kernel drops the last change, which is the one that the
// waiter waits for.
var changes = row{
	name:        "changes",
	description: "a waiting process is stopped; its directory changes 100000 times, and then the event is set (or cleared, if the process waits until it is clear); the process continues and must wake",
	peers:       []string{ours, bareFsnotify},
	rounds:      func(s scale) int { return s.changesRounds },
	figures: []figure{
		{name: "final states seen", unit: count, key: "seen", reduce: sum, pooled: true},
		{name: "final states missed", unit: count, key: "missed", reduce: sum, pooled: true},
		{name: "continued to woken, max", unit: nanoseconds, key: "took", reduce: quantile(1), pooled: true},
	},
	bounds: []bound{
		{figure: "final states missed", limit: 0, text: "none"},
	},
	measure: measureChanges,
}

// measureChanges measures one event that is set in the end, and one that is
// cleared.
func measureChanges(b *bench, peer string) (sample, error) {
	values := map[string][]float64{"seen": {0}, "missed": {0}}
	for _, final := range []string{"set", "clear"} {
		took, err := b.continueLatency(peer, final)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			values["missed"][0]++
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

// continueLatency returns the time from SIGCONT until the waiter woke. A waiter that
// does not wake in time has missed the final state; the error is then
// os.ErrDeadlineExceeded.
func (b *bench) continueLatency(peer, final string) (int64, error) {
	path, err := b.markerPath("changes")
	if err != nil {
		return 0, err
	}
	setter, err := b.role("set", peer, path)
	if err != nil {
		return 0, err
	}
	if final == "clear" {
		if _, err := setter.ask("set"); err != nil {
			return 0, err
		}
	}
	waiter, err := b.startWaiting(peer, path, final)
	if err != nil {
		return 0, err
	}
	if err := waiter.stop(); err != nil {
		return 0, err
	}
	if err := changeDir(filepath.Dir(path), b.scale.changes); err != nil {
		return 0, err
	}
	if _, err := setter.ask(final); err != nil {
		return 0, err
	}
	continued := now()
	if err := waiter.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		return 0, err
	}
	line, err := waiter.lineBy(time.Now().Add(b.scale.changesTimeout))
	if err != nil {
		return 0, err
	}
	woken, err := parseNumber(line)
	if err != nil {
		return 0, err
	}
	if woken < continued {
		return 0, fmt.Errorf("woke %v before it was continued", time.Duration(continued-woken))
	}
	return woken - continued, nil
}

// changeDir changes a directory n times: it adds and removes a second name of a
// file. On some file systems, a new file each time would take much longer.
func changeDir(dir string, n int) error {
	file, name := filepath.Join(dir, "other-file"), filepath.Join(dir, "other")
	if err := create(file); err != nil {
		return err
	}
	for range n / 2 {
		if err := os.Link(file, name); err != nil {
			return err
		}
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}
