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
	slotPoll  = time.Millisecond // the pause of gofrs/flock after it tried all slots
	slotUsers = 8
)

var semaphore = row{
	name:        "semaphore",
	description: "8 processes acquire and release one of 3 slots in a tight loop for 5 s, with holds of 1 ms",
	peers:       []string{ours, gofrs, rawFlock},
	rounds:      func(s scale) int { return s.semaphoreRounds },
	figures: []figure{
		{name: "share of time that slots were held", unit: share, key: "used", reduce: median},
		{name: "Jain's index of acquisitions", unit: share, key: "acquisitions", reduce: jain},
		{name: "acquisitions, total", unit: count, key: "acquisitions", reduce: sum},
		{name: "hand-over, p50", unit: nanoseconds, key: "handover", reduce: quantile(0.5)},
		{name: "hand-over, p99", unit: nanoseconds, key: "handover", reduce: quantile(0.99)},
		{name: "CPU time per acquisition", unit: nanoseconds, key: "each", reduce: median},
		{name: "CPU time of all processes per second", unit: nanoseconds, key: "second", reduce: median},
	},
	bounds: []bound{
		{figure: "share of time that slots were held", limit: 0.93, atLeast: true, text: "≥ 0.93, aim at 0.95"},
		{figure: "share of time that slots were held", against: gofrs, limit: noBound, text: "for comparison"},
		{figure: "hand-over, p50", against: rawFlock, limit: 3, text: "≤ 3 ×"},
		{figure: "CPU time per acquisition", against: gofrs, limit: 1.2, text: "≤ 1.2 ×"},
		{figure: "CPU time of all processes per second", against: gofrs, limit: noBound, text: "for comparison"},
	},
	measure: measureSemaphore,
}

// measureSemaphore measures flock(2) as the row handover does: one lock and two
// processes. flock(2) has no slots, but its hand-over is the shortest that the
// kernel allows.
func measureSemaphore(b *bench, peer string) (sample, error) {
	if peer == rawFlock {
		return measureHandover(b, peer)
	}
	path := b.lockPath("semaphore")
	if err := os.Mkdir(path, 0o777); err != nil {
		return sample{}, err
	}
	procs, start, end, err := b.contend(slotUsers, b.scale.semaphoreTime, "contend-slots", peer, path, int64(contendHold))
	if err != nil {
		return sample{}, err
	}
	var acquisitions []float64
	var cpu int64
	var acquired, released []int64
	for _, p := range procs {
		n, err := p.numbers(2)
		if err != nil {
			return sample{}, err
		}
		acquisitions = append(acquisitions, float64(n[0]))
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
		"used":         {slotsUsed(acquired, released, start, end)},
		"acquisitions": acquisitions,
		"handover":     handovers,
		"each":         {float64(cpu) / sum(acquisitions)},
		"second":       {float64(cpu) / b.scale.semaphoreTime.Seconds()},
	}}, err
}

// slotsUsed returns how much of the time between start and end the slots were
// held, as a share.
func slotsUsed(acquired, released []int64, start, end int64) float64 {
	var used int64
	for i := range acquired {
		used += max(0, min(released[i], end)-max(acquired[i], start))
	}
	return float64(used) / float64(slots*(end-start))
}

// slotHandovers returns the time from each release to the acquisition that it
// allowed. With three slots, the first release allows the fourth acquisition,
// the second release the fifth, and so on. An acquisition before its release
// means that there were more holders than slots, which is an error.
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

// contendForSlots acquires and releases a slot until the end. It prints the
// number of acquisitions and the CPU time, and then the times of each
// acquisition and release.
func contendForSlots(peer, path string, args []string) error {
	var hold int64
	if err := numberArgs(args, &hold); err != nil {
		return err
	}
	acquire, release := newPeerSemaphore(peer, path)
	end, err := awaitStart()
	if err != nil {
		return err
	}
	var holds [][2]int64
	used, err := cpuTimeDuring(os.Getpid(), func() error {
		for now() < end {
			if err := acquire(); err != nil {
				return err
			}
			acquired := now()
			sleep(hold)
			holds = append(holds, [2]int64{acquired, now()})
			if err := release(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Println(len(holds), int64(used))
	for _, h := range holds {
		fmt.Println(h[0], h[1])
	}
	return nil
}

// newPeerSemaphore returns our semaphore, or the same made of gofrs/flock: a
// file for each slot, which are tried in turn.
func newPeerSemaphore(peer, path string) (acquire, release func() error) {
	if peer == ours {
		s := filelock.NewSemaphore(path, slots)
		return func() error { return s.Acquire(context.Background()) }, s.Release
	}
	var files []*gofrsflock.Flock
	for i := range slots {
		files = append(files, gofrsflock.New(filepath.Join(path, strconv.Itoa(i+1))))
	}
	var held *gofrsflock.Flock
	acquire = func() error {
		for ; ; time.Sleep(slotPoll) {
			for _, f := range files {
				if ok, err := f.TryLock(); ok || err != nil {
					held = f
					return err
				}
			}
		}
	}
	return acquire, func() error { return held.Unlock() }
}
