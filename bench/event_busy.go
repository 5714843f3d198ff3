//go:build linux

package main

import (
	"fmt"
	"os"
	"time"
)

// busy is a waiter beside a file that another process writes to all the time.
var busy = row{
	name:        "busy",
	description: "a process waits; another one appends to a file in the same directory, 50000 times a second, or as often as it can",
	peers:       []string{ours, bareFsnotify, rawInotify},
	rounds:      func(s scale) int { return s.busyRounds },
	figures: []figure{
		{name: "waiter's share of a processor", unit: share, key: "share", reduce: median},
		{name: "writer's appends, of those alone", unit: times, key: "appends", reduce: median},
	},
	bounds: []bound{
		{figure: "waiter's share of a processor", limit: 0.01, text: "≤ 1 %"},
		{figure: "writer's appends, of those alone", limit: 0.9, atLeast: true, text: "≥ 0.9 × alone"},
	},
	measure: measureBusy,
}

const busyPace = 50000 // appends per second

// measureBusy compares many short turns of the writer, alone and beside a
// waiter, because what else the machine does changes from one second to the next.
func measureBusy(b *bench, peer string) (sample, error) {
	path, err := b.markerPath("busy")
	if err != nil {
		return sample{}, err
	}
	writer, err := b.role("append", peer, path)
	if err != nil {
		return sample{}, err
	}
	slice := b.scale.busyTime / 10
	values := map[string][]float64{}
	for range b.scale.busyTurns {
		alone, err := writer.appends(slice, 0)
		if err != nil {
			return sample{}, err
		}
		waiter, err := b.startReady(b.roleCommand("await", peer, path))
		if err != nil {
			return sample{}, err
		}
		if err := waiter.send("set"); err != nil {
			return sample{}, err
		}
		if _, err := waiter.asleep(); err != nil {
			return sample{}, err
		}
		beside, err := writer.appends(slice, 0)
		if err != nil {
			return sample{}, err
		}
		used, err := waiter.cpuShareWhileAppending(writer, b.scale.busyTime)
		if err != nil {
			return sample{}, err
		}
		waiter.kill()
		values["appends"] = append(values["appends"], beside/alone)
		values["share"] = append(values["share"], used)
	}
	return sample{values: values}, nil
}

// whileAppending is the waiter's share of a processor while the writer keeps its
// pace.
func (p *proc) cpuShareWhileAppending(writer *proc, long time.Duration) (float64, error) {
	before, err := cpuTime(p.pid())
	if err != nil {
		return 0, err
	}
	if _, err := writer.appends(long, busyPace); err != nil {
		return 0, err
	}
	after, err := cpuTime(p.pid())
	return float64(after-before) / float64(long), err
}

// appends has a writer append for a time, at a pace, or as often as it can if
// that is 0. It returns the appends per second of the writer's CPU time, which is
// what a waiter can cost the writer; other processes cost it the rest.
func (p *proc) appends(long time.Duration, pace int) (float64, error) {
	if err := p.send(int64(long), pace); err != nil {
		return 0, err
	}
	got, err := p.numbers(2)
	if err != nil {
		return 0, err
	}
	return float64(got[0]) / float64(got[1]), nil
}

// appendInTurns is the writer: it says how many lines it has appended, and how
// much CPU time that took.
func appendToLog(_, path string, _ []string) error {
	log, err := os.OpenFile(path+".log", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	defer log.Close()
	for {
		var long, pace int64
		if _, err := fmt.Fscanln(input, &long, &pace); err != nil {
			return nil
		}
		if err := log.Truncate(0); err != nil {
			return err
		}
		before, err := cpuTime(os.Getpid())
		if err != nil {
			return err
		}
		n, err := appendFor(log, long, pace)
		if err != nil {
			return err
		}
		after, err := cpuTime(os.Getpid())
		if err != nil {
			return err
		}
		fmt.Println(n, int64(after-before))
	}
}

func appendFor(log *os.File, long, pace int64) (n int64, err error) {
	const batch = 50
	line := []byte("what a program writes to its log\n")
	for start := now(); now()-start < long; {
		for range batch {
			if _, err := log.Write(line); err != nil {
				return n, err
			}
		}
		n += batch
		if pace > 0 {
			sleep(start + n*int64(time.Second)/pace - now())
		}
	}
	return n, nil
}
