//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
)

// fanout is many goroutines that one set wakes. The bare peer's share a
// watcher that closes one channel for all of them.
var fanout = row{
	name:        "fanout",
	description: "1000 goroutines of one process wait for one event, which another process sets",
	peers:       []string{ours, bareFsnotify},
	rounds:      func(s scale) int { return s.fanoutRounds },
	figures: []figure{
		{name: "set to last awake, p50", unit: nanoseconds, key: "last", reduce: quantile(0.5)},
		{name: "set to last awake, p90", unit: nanoseconds, key: "last", reduce: quantile(0.9)},
		{name: "set to median awake, p50", unit: nanoseconds, key: "median", reduce: quantile(0.5)},
		{name: "threads more than idle, at most", unit: count, key: "threads", reduce: median},
		{name: "inotify instances", unit: count, key: "watchers", reduce: median},
	},
	bounds: []bound{
		{figure: "set to last awake, p50", limit: ns(3 * time.Millisecond), text: "≤ 3 ms"},
		{figure: "threads more than idle, at most", limit: 16, text: "≤ 16"},
		{figure: "inotify instances", limit: 1, text: "1"},
	},
	measure: measureFanout,
}

// Times to find out that all goroutines of a process wait.
const (
	goroutinesInterval = 3 * time.Millisecond
	goroutinesTimeout  = 100 * time.Millisecond
)

func measureFanout(b *bench, peer string) (sample, error) {
	path, err := b.markerPath("fanout")
	if err != nil {
		return sample{}, err
	}
	setter, err := b.role("set", peer, path)
	if err != nil {
		return sample{}, err
	}
	p, err := b.startReady(b.roleCommand("fanout", peer, path, b.scale.fanout))
	if err != nil {
		return sample{}, err
	}
	values := map[string][]float64{}
	for i := range b.scale.fanouts + 1 {
		got, err := fanOut(setter, p)
		if err != nil {
			return sample{}, err
		}
		if i == 0 {
			continue // the first one is with all that a first use starts
		}
		for what, value := range got {
			values[what] = append(values[what], value)
		}
	}
	return sample{values: values}, nil
}

// fanOut wakes all once.
func fanOut(setter, p *proc) (map[string]float64, error) {
	if err := p.send("wait"); err != nil {
		return nil, err
	}
	if err := p.expect("all wait"); err != nil {
		return nil, err
	}
	if err := awaitIdle([]*proc{p}, goroutinesInterval, goroutinesTimeout); err != nil {
		return nil, err
	}
	set, err := setter.ask("set")
	if err != nil {
		return nil, err
	}
	got, err := p.numbers(4)
	if err != nil {
		return nil, err
	}
	if _, err := setter.ask("clear"); err != nil {
		return nil, err
	}
	return map[string]float64{
		"median": float64(got[0] - set), "last": float64(got[1] - set),
		"threads": float64(got[2]), "watchers": float64(got[3]),
	}, nil
}

// awaitTogether is the process with the goroutines. It says when the median
// and the last one were awake.
func waitInGoroutines(peer, path string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	await, err := newTogether(peer, path)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	idle := threads()
	for {
		if _, err := input.ReadString('\n'); err != nil {
			return nil
		}
		woken, err := await(int(n))
		if err != nil {
			return err
		}
		fmt.Println(int64(median(woken)), int64(quantile(1)(woken)), threads()-idle, len(watchers()))
	}
}

// newTogether returns what waits with n goroutines.
func newTogether(peer, path string) (func(n int) ([]float64, error), error) {
	if peer == ours {
		e := fileevent.New(path)
		return func(n int) ([]float64, error) {
			return together(n, func(_ int, tell func()) error {
				return e.Wait(onWait(context.Background(), tell))
			})
		}, nil
	}
	one, err := newWaiter(peer, path)
	return func(n int) ([]float64, error) {
		set := make(chan struct{})
		return together(n, func(i int, tell func()) error {
			if i == 0 {
				defer close(set)
				return one.wait(tell)
			}
			tell()
			<-set
			return nil
		})
	}, err
}

// together runs n goroutines that wait, each with a number, says when all do,
// and returns when each was awake.
func together(n int, wait func(i int, tell func()) error) ([]float64, error) {
	var asleep, awake sync.WaitGroup
	asleep.Add(n)
	times, errs := make([]float64, n), make([]error, n)
	for i := range n {
		awake.Go(func() {
			errs[i] = wait(i, asleep.Done)
			times[i] = float64(now())
		})
	}
	asleep.Wait()
	fmt.Println("all wait")
	awake.Wait()
	return times, errors.Join(errs...)
}
