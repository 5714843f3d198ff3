//go:build linux

package main

import (
	"fmt"
	"os"
	"time"
)

// busy measures a waiter in a directory where another process appends to a file.
var busy = row{
	name:        "busy",
	description: "a process waits for an event while another appends to a file in the same directory, 50000 times a second or as often as it can",
	peers:       []string{ours, bareFsnotify, rawInotify},
	rounds:      func(s scale) int { return s.busyRounds },
	figures: []figure{
		{name: "waiter's share of a CPU", unit: share, key: "share", reduce: median},
		{name: "writer's appends / appends without a waiter", unit: times, key: "appends", reduce: median},
	},
	bounds: []bound{
		{figure: "waiter's share of a CPU", limit: 0.01, text: "≤ 0.01"},
		{figure: "writer's appends / appends without a waiter", limit: 0.9, atLeast: true, text: "≥ 0.9 ×"},
	},
	measure: measureBusy,
}

const busyPace = 50000 // appends per second

// measureBusy measures the writer in short turns, alone and beside a waiter, because
// the load of the machine changes from one second to the next.
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
		alone, err := writer.appendRate(slice, 0)
		if err != nil {
			return sample{}, err
		}
		waiter, err := b.startWaiting(peer, path, "set")
		if err != nil {
			return sample{}, err
		}
		withWaiter, err := writer.appendRate(slice, 0)
		if err != nil {
			return sample{}, err
		}
		used, err := cpuTimeDuring(waiter.pid(), func() error {
			_, err := writer.appendRate(b.scale.busyTime, busyPace)
			return err
		})
		if err != nil {
			return sample{}, err
		}
		waiter.kill()
		values["appends"] = append(values["appends"], withWaiter/alone)
		values["share"] = append(values["share"], float64(used)/float64(b.scale.busyTime))
	}
	return sample{values: values}, nil
}

// appendRate makes the writer append for a time, pace times a second, or as often
// as it can if pace is 0. It returns the appends per second of the writer's CPU
// time: a waiter can make each append cost more CPU time, while other processes
// only make the writer run less.
func (p *proc) appendRate(during time.Duration, pace int) (float64, error) {
	if err := p.send(int64(during), pace); err != nil {
		return 0, err
	}
	got, err := p.numbers(2)
	if err != nil {
		return 0, err
	}
	return float64(got[0]) / float64(got[1]), nil
}

// appendToLog is the writer. It prints how many lines it has appended and how
// much CPU time that took.
func appendToLog(_, path string, _ []string) error {
	log, err := os.OpenFile(path+".log", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	defer log.Close()
	for {
		var during, pace, n int64
		if _, err := fmt.Fscanln(input, &during, &pace); err != nil {
			return nil
		}
		if err := log.Truncate(0); err != nil {
			return err
		}
		used, err := cpuTimeDuring(os.Getpid(), func() (err error) {
			n, err = appendFor(log, during, pace)
			return err
		})
		if err != nil {
			return err
		}
		fmt.Println(n, int64(used))
	}
}

func appendFor(log *os.File, during, pace int64) (n int64, err error) {
	const batch = 50
	line := []byte("what a program writes to its log\n")
	for start := now(); now()-start < during; {
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
