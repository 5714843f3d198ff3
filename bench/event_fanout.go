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

// fanout measures one set that wakes many goroutines. The goroutines of the bare
// peer share one watcher, which closes one channel for all of them.
var fanout = row{
	name:        "fanout",
	description: "1000 goroutines of one process wait for one event, which another process sets",
	peers:       []string{ours, bareFsnotify},
	rounds:      func(s scale) int { return s.fanoutRounds },
	figures: []figure{
		{name: "set to last wake-up, p50", unit: nanoseconds, key: "last", reduce: quantile(0.5)},
		{name: "set to last wake-up, p90", unit: nanoseconds, key: "last", reduce: quantile(0.9)},
		{name: "set to median wake-up, p50", unit: nanoseconds, key: "median", reduce: quantile(0.5)},
		{name: "extra threads", unit: count, key: "threads", reduce: median},
		{name: "inotify instances", unit: count, key: "watchers", reduce: median},
	},
	bounds: []bound{
		{figure: "set to last wake-up, p50", limit: ns(3 * time.Millisecond), text: "≤ 3 ms"},
		{figure: "extra threads", limit: 16, text: "≤ 16"},
		{figure: "inotify instances", limit: 1, text: "1"},
	},
	measure: measureFanout,
}

// Arguments of awaitIdle for a process with many goroutines.
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
		got, err := wakeGoroutines(setter, p)
		if err != nil {
			return sample{}, err
		}
		if i == 0 {
			continue // the first use starts threads
		}
		for key, value := range got {
			values[key] = append(values[key], value)
		}
	}
	return sample{values: values}, nil
}

// wakeGoroutines makes all goroutines of p wait, and sets and clears the event.
func wakeGoroutines(setter, p *proc) (map[string]float64, error) {
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

// waitInGoroutines is the process with the goroutines. It prints when the median
// goroutine and the last one woke.
func waitInGoroutines(peer, path string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	wait, err := newGoroutineWait(peer, path)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	idle := threads()
	for {
		if _, err := input.ReadString('\n'); err != nil {
			return nil
		}
		woken, err := wait(int(n))
		if err != nil {
			return err
		}
		fmt.Println(int64(median(woken)), int64(quantile(1)(woken)), threads()-idle, len(inotifyInstances()))
	}
}

// newGoroutineWait returns a function that waits for the event in n goroutines.
func newGoroutineWait(peer, path string) (func(n int) (woken []float64, err error), error) {
	if peer == ours {
		e := fileevent.New(path)
		return func(n int) ([]float64, error) {
			return runWaits(n, func(_ int, onWaiting func()) error {
				return e.Wait(onWait(context.Background(), onWaiting))
			})
		}, nil
	}
	e, err := newWaiter(peer, path)
	return func(n int) ([]float64, error) {
		set := make(chan struct{})
		return runWaits(n, func(i int, onWaiting func()) error {
			if i == 0 {
				defer close(set)
				return e.wait(onWaiting)
			}
			onWaiting()
			<-set
			return nil
		})
	}, err
}

// runWaits calls wait in n goroutines. It prints "all wait" when all of them
// wait, and returns the time when each woke.
func runWaits(n int, wait func(i int, onWaiting func()) error) (woken []float64, err error) {
	var waiting, running sync.WaitGroup
	waiting.Add(n)
	woken, errs := make([]float64, n), make([]error, n)
	for i := range n {
		running.Go(func() {
			errs[i] = wait(i, waiting.Done)
			woken[i] = float64(now())
		})
	}
	waiting.Wait()
	fmt.Println("all wait")
	running.Wait()
	return woken, errors.Join(errs...)
}
