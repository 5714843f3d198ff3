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
	"time"

	"github.com/fsync-lock/fsync/fileevent"
)

// many measures many events of one directory. The peer shows the least memory
// that waiting takes in Go: as many goroutines, each with a channel.
var many = row{
	name:        "many",
	description: "10000 goroutines of one process wait for an event each, in one directory, or one call of WaitAny waits for all; then 100 of the events are set one after the other",
	peers:       []string{ours, channels},
	rounds:      func(s scale) int { return s.manyRounds },
	figures: []figure{
		{name: "heap per wait", unit: byteCount, key: "heap", reduce: median},
		{name: "heap and stack per wait", unit: byteCount, key: "memory", reduce: median},
		{name: "heap and stack per event of WaitAny", unit: byteCount, key: "call", reduce: median},
		{name: "resident memory per wait", unit: byteCount, key: "resident", reduce: median},
		{name: "directories watched", unit: count, key: "watches", reduce: median},
		{name: "inotify instances", unit: count, key: "watchers", reduce: median},
		{name: "set to wake, p50", unit: nanoseconds, key: "many", reduce: quantile(0.5)},
		{name: "set to wake with one event, p50", unit: nanoseconds, key: "one", reduce: quantile(0.5)},
		{name: "ratio of the two", unit: times, key: "ratio", reduce: median},
	},
	bounds: []bound{
		{figure: "heap per wait", limit: 2048, text: "≤ 2048 B"},
		{figure: "heap and stack per wait", limit: 2048, text: "≤ 2048 B"},
		{figure: "heap and stack per event of WaitAny", limit: 2048, text: "≤ 2048 B"},
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
	toSet := rand.Perm(b.scale.many)[:b.scale.manySets]
	if err := setAndClearEach(dir, append(toSet, singleEvent)); err != nil {
		return sample{}, err
	}
	p, err := b.startReady(b.roleCommand("many", peer, dir, b.scale.many))
	if err != nil {
		return sample{}, err
	}
	values := map[string][]float64{}
	if peer == ours {
		if values["one"], err = latenciesOfSingleEvent(p, dir, len(toSet)); err != nil {
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
	for i, key := range []string{"heap", "memory", "resident"} {
		values[key] = []float64{float64(got[i]) / float64(b.scale.many)}
	}
	if peer != ours {
		return sample{values: values}, nil
	}
	if values["call"], err = memoryOfWaitAny(b, dir); err != nil {
		return sample{}, err
	}
	values["watches"], values["watchers"] = []float64{float64(got[3])}, []float64{float64(got[4])}
	for _, i := range toSet {
		latency, err := wakeLatency(p, manyEvent(dir, i))
		if err != nil {
			return sample{}, err
		}
		values["many"] = append(values["many"], latency)
	}
	values["ratio"] = []float64{quantile(0.5)(values["many"]) / quantile(0.5)(values["one"])}
	return sample{values: values}, nil
}

// memoryOfWaitAny measures another process, which waits for all events with
// WaitAny.
func memoryOfWaitAny(b *bench, dir string) ([]float64, error) {
	p, err := b.startReady(b.roleCommand("many", ours, dir, b.scale.many))
	if err != nil {
		return nil, err
	}
	memory, err := p.ask("call")
	if err != nil {
		return nil, err
	}
	return []float64{float64(memory) / float64(b.scale.many)}, nil
}

// manyEvent returns event number i of a directory.
func manyEvent(dir string, i int) *fileevent.Event {
	return fileevent.New(filepath.Join(dir, fmt.Sprintf("event-%d", i)))
}

// singleEvent is the number of the event that is measured alone, before the others.
const singleEvent = -1

// setAndClearEach sets and clears events before the measurement: the first Set
// of an event makes one more file than later ones.
func setAndClearEach(dir string, numbers []int) error {
	for _, i := range numbers {
		e := manyEvent(dir, i)
		if err := errors.Join(e.Set(), e.Clear()); err != nil {
			return err
		}
	}
	return nil
}

// latenciesOfSingleEvent sets the single event n times, each time when p waits
// for it.
func latenciesOfSingleEvent(p *proc, dir string, n int) (latencies []float64, err error) {
	for range n {
		if err := p.send("one"); err != nil {
			return nil, err
		}
		if err := p.expect("waiting"); err != nil {
			return nil, err
		}
		latency, err := wakeLatency(p, manyEvent(dir, singleEvent))
		if err != nil {
			return nil, err
		}
		latencies = append(latencies, latency)
	}
	return latencies, nil
}

// wakeLatency sets and clears an event that a goroutine of p waits for, and
// returns the time from Set until the goroutine woke.
func wakeLatency(p *proc, e *fileevent.Event) (float64, error) {
	time.Sleep(wakePause)
	set := now()
	if err := e.Set(); err != nil {
		return 0, err
	}
	woken, err := p.number()
	if err != nil {
		return 0, err
	}
	return float64(woken - set), e.Clear()
}

// waitForMany is the process with the goroutines. For each line of its input it
// waits for the single event, or begins to wait for all events and prints the
// memory that this takes. It prints the time of each wake-up.
func waitForMany(peer, dir string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		switch line, err := input.ReadString('\n'); {
		case err != nil:
			return nil
		case line == "one\n":
			if err := waitAndPrint(manyEvent(dir, singleEvent), func() { fmt.Println("waiting") }); err != nil {
				return err
			}
		case line == "call\n":
			before := memoryInUse()
			startWaitAny(dir, int(n))
			m := memoryInUse()
			fmt.Println(m.heap - before.heap + m.stack - before.stack)
		default:
			before := memoryInUse()
			startWaits(peer, dir, int(n))
			m := memoryInUse()
			fmt.Println(m.heap-before.heap, m.heap-before.heap+m.stack-before.stack, m.resident-before.resident,
				inotifyWatches(), len(inotifyInstances()))
		}
	}
}

// waitAndPrint waits for an event and prints when it woke.
func waitAndPrint(e *fileevent.Event, onWaiting func()) error {
	err := e.Wait(onWait(context.Background(), onWaiting))
	if err == nil {
		fmt.Println(now())
	}
	return err
}

// startWaitAny calls WaitAny for all events in a goroutine, and returns when it
// waits.
func startWaitAny(dir string, n int) {
	events := make([]*fileevent.Event, n)
	for i := range events {
		events[i] = manyEvent(dir, i)
	}
	waiting := make(chan struct{})
	go fileevent.WaitAny(onWait(context.Background(), func() { close(waiting) }), events...)
	<-waiting
}

// startWaits starts a goroutine for each event, and returns when all of them
// wait.
func startWaits(peer, dir string, n int) {
	var waiting sync.WaitGroup
	waiting.Add(n)
	for i := range n {
		go func() {
			if peer == channels {
				c := make(chan struct{}, 1)
				waiting.Done()
				<-c
				return
			}
			if err := waitAndPrint(manyEvent(dir, i), waiting.Done); err != nil {
				fmt.Println(err)
			}
		}()
	}
	waiting.Wait()
}

type memory struct{ heap, stack, resident int64 }

// memoryInUse returns the bytes in use after a garbage collection: of the heap
// and of stacks, as the runtime counts them, and the resident memory, as the
// kernel counts it.
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
