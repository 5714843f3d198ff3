//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	gofrsflock "github.com/gofrs/flock"
)

const (
	slots     = 3
	slotTry   = time.Millisecond // between two rounds of tries of what has no semaphore
	slotUsers = 8
)

var semaphore = row{
	name:        "semaphore",
	description: "8 processes and 3 slots, 1 ms holds in a tight loop, for 5 s",
	peers:       []string{ours, gofrs, rawFlock},
	rounds:      func(s scale) int { return s.semaphoreRounds },
	figures: []figure{
		{name: "time that slots were held / time", unit: share, key: "used", reduce: median},
		{name: "Jain's index of acquisitions", unit: share, key: "served", reduce: jain},
		{name: "acquisitions of all", unit: count, key: "served", reduce: sum},
		{name: "hand-over, p50", unit: nanoseconds, key: "handover", reduce: quantile(0.5)},
		{name: "hand-over, p99", unit: nanoseconds, key: "handover", reduce: quantile(0.99)},
		{name: "CPU time of each acquisition", unit: nanoseconds, key: "each", reduce: median},
		{name: "CPU time of all, in a second", unit: nanoseconds, key: "second", reduce: median},
	},
	bounds: []bound{
		{figure: "time that slots were held / time", limit: 0.93, atLeast: true, text: "≥ 0.93, aim at 0.95"},
		{figure: "time that slots were held / time", against: gofrs, limit: noBound, text: "for comparison"},
		{figure: "hand-over, p50", against: rawFlock, limit: 3, text: "≤ 3 ×"},
		{figure: "CPU time of each acquisition", against: gofrs, limit: 1.2, text: "≤ 1.2 ×"},
		{figure: "CPU time of all, in a second", against: gofrs, limit: noBound, text: "for comparison"},
	},
	measure: measureSemaphore,
}

// measureSemaphore measures of flock(2), which has no slots, the hand-over of a
// lock between two processes, as the row handover does: what the kernel takes at
// the least.
func measureSemaphore(b *bench, peer string) (sample, error) {
	if peer == rawFlock {
		return measureHandover(b, peer)
	}
	path := b.lockPath("semaphore")
	if err := os.Mkdir(path, 0o777); err != nil {
		return sample{}, err
	}
	users := make([]*proc, slotUsers)
	for i := range users {
		p, err := b.startReady(b.roleCommand("slots", peer, path, slots, int64(contendHold)))
		if err != nil {
			return sample{}, err
		}
		users[i] = p
	}
	start := now() + int64(50*time.Millisecond)
	end := start + int64(b.scale.semaphoreTime)
	var served []float64
	var cpu int64
	var acquired, released []int64
	for _, p := range users {
		if err := p.send(start, end); err != nil {
			return sample{}, err
		}
	}
	for _, p := range users {
		n, err := p.numbers(2)
		if err != nil {
			return sample{}, err
		}
		served = append(served, float64(n[0]))
		cpu += n[1]
		for range n[0] {
			times, err := p.numbers(2)
			if err != nil {
				return sample{}, err
			}
			acquired, released = append(acquired, times[0]), append(released, times[1])
		}
	}
	handovers, err := slotHandovers(acquired, released)
	return sample{values: map[string][]float64{
		"used":     {slotsUsed(acquired, released, start, end)},
		"served":   served,
		"handover": handovers,
		"each":     {float64(cpu) / sum(served)},
		"second":   {float64(cpu) / b.scale.semaphoreTime.Seconds()},
	}}, err
}

// slotsUsed is how much of the slots' time between start and end they were held.
func slotsUsed(acquired, released []int64, start, end int64) float64 {
	var used int64
	for i := range acquired {
		used += max(0, min(released[i], end)-max(acquired[i], start))
	}
	return float64(used) / float64(slots*(end-start))
}

// slotHandovers are the times from each release to the acquisition that it let
// in: with all slots held, the first release to the first acquisition after
// the slots were full, and so on. More holders than slots are an error.
func slotHandovers(acquired, released []int64) (took []float64, err error) {
	slices.Sort(acquired)
	slices.Sort(released)
	for i := range max(0, len(acquired)-slots) {
		d := acquired[i+slots] - released[i]
		if d < 0 {
			return nil, fmt.Errorf("%d holders of %d slots", slots+1, slots)
		}
		took = append(took, float64(d))
	}
	return took, nil
}

// useSlots has a slot over and over, from a start to an end that it is told,
// and says how often, the CPU time that this took, and the times between which
// it had one.
func contendForSlots(peer, path string, args []string) error {
	var n, hold, start, end int64
	if err := numberArgs(args, &n, &hold); err != nil {
		return err
	}
	acquire, release, err := newSlots(peer, path, int(n))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := fmt.Fscan(input, &start, &end); err != nil {
		return err
	}
	sleep(start - now())
	before, err := cpuTime(os.Getpid())
	if err != nil {
		return err
	}
	var held [][2]int64
	for now() < end {
		if err := acquire(); err != nil {
			return err
		}
		got := now()
		sleep(hold)
		held = append(held, [2]int64{got, now()})
		if err := release(); err != nil {
			return err
		}
	}
	after, err := cpuTime(os.Getpid())
	if err != nil {
		return err
	}
	fmt.Println(len(held), int64(after-before))
	for _, h := range held {
		fmt.Println(h[0], h[1])
	}
	return nil
}

func newSlots(peer, path string, n int) (acquire, release func() error, err error) {
	if peer == ours {
		s := filelock.NewSemaphore(path, n)
		return func() error { return s.Acquire(context.Background()) }, s.Release, nil
	}
	var files []*gofrsflock.Flock
	for i := range n {
		files = append(files, gofrsflock.New(filepath.Join(path, strconv.Itoa(i+1))))
	}
	var held *gofrsflock.Flock
	acquire = func() error {
		for ; ; time.Sleep(slotTry) {
			for _, f := range files {
				if ok, err := f.TryLock(); ok || err != nil {
					held = f
					return err
				}
			}
		}
	}
	return acquire, func() error { return held.Unlock() }, nil
}
