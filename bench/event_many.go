//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/fsync-lock/fsync/fileevent"
)

// many is many events of one directory. The peer beside ours is what waiting
// takes in Go at the least: as many goroutines, each with a channel.
var many = row{
	name:        "many",
	description: "10000 events in one directory, a goroutine of one process waits for each, or one call for all; 100 of them are set, one after the other",
	peers:       []string{ours, channels},
	rounds:      func(s scale) int { return s.manyRounds },
	figures: []figure{
		{name: "heap of each", unit: byteCount, key: "heap", reduce: median},
		{name: "heap and stack of each", unit: byteCount, key: "memory", reduce: median},
		{name: "heap and stack of each, all in one call", unit: byteCount, key: "call", reduce: median},
		{name: "resident memory of each", unit: byteCount, key: "resident", reduce: median},
		{name: "directories watched", unit: count, key: "watches", reduce: median},
		{name: "inotify instances", unit: count, key: "watchers", reduce: median},
		{name: "set to wake, p50", unit: nanoseconds, key: "many", reduce: quantile(0.5)},
		{name: "the same before, with one event, p50", unit: nanoseconds, key: "one", reduce: quantile(0.5)},
		{name: "ratio of the two", unit: times, key: "ratio", reduce: median},
	},
	bounds: []bound{
		{figure: "heap of each", limit: 2048, text: "≤ 2048 B"},
		{figure: "heap and stack of each", limit: 2048, text: "≤ 2048 B"},
		{figure: "heap and stack of each, all in one call", limit: 2048, text: "≤ 2048 B"},
		{figure: "directories watched", limit: 1, text: "1"},
		{figure: "ratio of the two", limit: 2, text: "≤ 2 ×"},
	},
	measure: measureMany,
}

func measureMany(b *bench, peer string) (sample, error) {
	marker, err := b.markerPath("many")
	if err != nil {
		return sample{}, err
	}
	dir := filepath.Dir(marker)
	some := rand.Perm(b.scale.many)[:b.scale.manySets]
	if err := setAndClearEach(dir, append(some, extraEvent)); err != nil {
		return sample{}, err
	}
	p, err := b.startReady(b.roleCommand("many", peer, dir, b.scale.many))
	if err != nil {
		return sample{}, err
	}
	values := map[string][]float64{}
	if peer == ours {
		if values["one"], err = wakesOfOneEvent(p, dir, len(some)); err != nil {
			return sample{}, err
		}
	}
	if err := p.send("all"); err != nil {
		return sample{}, err
	}
	got, err := p.numbers(5)
	if err != nil {
		return sample{}, err
	}
	for i, what := range []string{"heap", "memory", "resident"} {
		values[what] = []float64{float64(got[i]) / float64(b.scale.many)}
	}
	if peer != ours {
		return sample{values: values}, nil
	}
	if values["call"], err = memoryOfOneCall(b, dir); err != nil {
		return sample{}, err
	}
	values["watches"], values["watchers"] = []float64{float64(got[3])}, []float64{float64(got[4])}
	for _, i := range some {
		took, err := wakeEvent(p, manyEvent(dir, i))
		if err != nil {
			return sample{}, err
		}
		values["many"] = append(values["many"], took)
	}
	values["ratio"] = []float64{quantile(0.5)(values["many"]) / quantile(0.5)(values["one"])}
	return sample{values: values}, nil
}

// memoryOfOneCall is that of another process, which waits by WaitAny.
func memoryOfOneCall(b *bench, dir string) ([]float64, error) {
	p, err := b.startReady(b.roleCommand("many", ours, dir, b.scale.many))
	if err != nil {
		return nil, err
	}
	if err := p.send("call"); err != nil {
		return nil, err
	}
	got, err := p.numbers(1)
	if err != nil {
		return nil, err
	}
	return []float64{float64(got[0]) / float64(b.scale.many)}, nil
}

// manyEvent is one of the events, noNumber the one that is there before.
func manyEvent(dir string, i int) *fileevent.Event {
	return fileevent.New(filepath.Join(dir, fmt.Sprintf("event-%d", i)))
}

const extraEvent = -1

// usedBefore sets and clears events, so that no Set that is measured is the
// first of its event, which also makes the file for its traces.
func setAndClearEach(dir string, numbers []int) error {
	for _, i := range numbers {
		e := manyEvent(dir, i)
		if err := errors.Join(e.Set(), e.Clear()); err != nil {
			return err
		}
	}
	return nil
}

// wakesOfOneEvent sets one event n times, each time when p waits for it.
func wakesOfOneEvent(p *proc, dir string, n int) (values []float64, err error) {
	for range n {
		if err := p.send("one"); err != nil {
			return nil, err
		}
		if err := p.expect("asleep"); err != nil {
			return nil, err
		}
		took, err := wakeEvent(p, manyEvent(dir, extraEvent))
		if err != nil {
			return nil, err
		}
		values = append(values, took)
	}
	return values, nil
}

// wakeEvent sets and clears an event that a goroutine of p waits for.
func wakeEvent(p *proc, e *fileevent.Event) (float64, error) {
	sleep(int64(wakePause))
	set := now()
	if err := e.Set(); err != nil {
		return 0, err
	}
	woken, err := p.numbers(1)
	if err != nil {
		return 0, err
	}
	return float64(woken[0] - set), e.Clear()
}

// awaitMany is the process with the goroutines. Told to, it waits for one
// event, or begins to wait for all and says what that takes. It says the time
// of every wake-up.
func waitForMany(peer, dir string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		switch what, err := input.ReadString('\n'); {
		case err != nil:
			return nil
		case what == "one\n":
			if err := awaitOne(manyEvent(dir, extraEvent), func() { fmt.Println("asleep") }); err != nil {
				return err
			}
		case what == "call\n":
			before := memoryInUse()
			awaitAny(dir, int(n))
			m := memoryInUse()
			fmt.Println(m.heap - before.heap + m.stack - before.stack)
		default:
			before := memoryInUse()
			awaitAll(peer, dir, int(n))
			m := memoryInUse()
			fmt.Println(m.heap-before.heap, m.heap-before.heap+m.stack-before.stack, m.resident-before.resident,
				watches(), len(watchers()))
		}
	}
}

func awaitOne(e *fileevent.Event, tell func()) error {
	err := e.Wait(onWait(context.Background(), tell))
	if err == nil {
		fmt.Println(now())
	}
	return err
}

// awaitAny waits for all in one call, and returns when that sleeps.
func awaitAny(dir string, n int) {
	events := make([]*fileevent.Event, n)
	for i := range events {
		events[i] = manyEvent(dir, i)
	}
	asleep := make(chan struct{})
	go fileevent.WaitAny(onWait(context.Background(), func() { close(asleep) }), events...)
	<-asleep
}

// awaitAll starts the goroutines and returns when all wait.
func awaitAll(peer, dir string, n int) {
	var asleep sync.WaitGroup
	asleep.Add(n)
	for i := range n {
		go func() {
			if peer == channels {
				nudge := make(chan struct{}, 1)
				asleep.Done()
				<-nudge
				return
			}
			if err := awaitOne(manyEvent(dir, i), asleep.Done); err != nil {
				fmt.Println(err)
			}
		}()
	}
	asleep.Wait()
}

type memory struct{ heap, stack, resident int64 }

// memoryInUse is what is in use when the garbage has been collected: bytes of
// the heap and of stacks, and what the kernel counts, with all that the
// runtime keeps in reserve.
func memoryInUse() memory {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	resident, err := residentMemory(os.Getpid())
	if err != nil {
		panic(err)
	}
	return memory{int64(m.HeapInuse), int64(m.StackInuse), resident}
}
