//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
)

// take measures an AutoReset event, which exactly one waiter takes after each
// Set.
var take = row{
	name:        "take",
	description: "200 processes wait for one AutoReset event; it is set 1000 times, each time when the process that took it last waits again",
	peers:       []string{ours},
	rounds:      func(s scale) int { return s.takeRounds },
	figures: []figure{
		{name: "takes", unit: count, key: "takes", reduce: sum, pooled: true},
		{name: "sets that no process took", unit: count, key: "untaken", reduce: sum, pooled: true},
		{name: "takes without a set", unit: count, key: "extra", reduce: sum, pooled: true},
		{name: "set to taken, p50", unit: nanoseconds, key: "took", reduce: quantile(0.5)},
		{name: "set to taken, max", unit: nanoseconds, key: "took", reduce: quantile(1)},
	},
	bounds: []bound{
		{figure: "sets that no process took", limit: 0, text: "none"},
		{figure: "takes without a set", limit: 0, text: "none"},
	},
	measure: measureTake,
}

func measureTake(b *bench, peer string) (sample, error) {
	path, err := b.markerPath("take")
	if err != nil {
		return sample{}, err
	}
	ts, err := b.newTakers(peer, path)
	if err != nil {
		return sample{}, err
	}
	defer close(ts.closed)
	e := fileevent.New(path, fileevent.AutoReset())
	var latencies []float64
	for range b.scale.takes {
		set := now()
		if err := e.Set(); err != nil {
			return sample{}, err
		}
		taken, err := ts.awaitTake()
		if errors.Is(err, errTimedOut) {
			break
		}
		if err != nil {
			return sample{}, err
		}
		latencies = append(latencies, float64(taken-set))
	}
	takes, err := ts.finish()
	if err != nil {
		return sample{}, err
	}
	s := sample{values: map[string][]float64{
		"takes": {float64(takes)}, "untaken": {0}, "extra": {float64(takes - len(latencies))}, "took": latencies,
	}}
	if len(latencies) < b.scale.takes {
		s.values["untaken"][0] = 1
		s.note = fmt.Sprintf("no process took set number %d, which was the last", len(latencies)+1)
	}
	return s, nil
}

// takers are the processes that wait for the event. Any of them may print a line
// at any time.
type takers struct {
	procs  []*proc
	output chan outputLine
	closed chan struct{} // closed when nothing receives from output any more
}

type outputLine struct {
	from *proc
	text string
	err  error
}

// A taker prints totalPrefix and the number of its takes at its end.
const totalPrefix = "total"

// newTakers starts the processes and returns when all of them wait.
func (b *bench) newTakers(peer, path string) (*takers, error) {
	limit, err := b.newInotifyLimit(b.scale.watchers)
	if err != nil {
		return nil, err
	}
	ts := &takers{output: make(chan outputLine), closed: make(chan struct{})}
	for range b.scale.processes {
		p, err := b.start(limit.enter(b.roleCommand("take", peer, path)))
		if err != nil {
			return nil, err
		}
		if err := p.expect("waiting"); err != nil {
			return nil, err
		}
		ts.procs = append(ts.procs, p)
	}
	for _, p := range ts.procs {
		go ts.read(p)
	}
	return ts, nil
}

// read sends what a process prints to output, until the process prints its total.
func (ts *takers) read(p *proc) {
	for {
		text, err := p.lineBy(time.Time{})
		select {
		case ts.output <- outputLine{p, text, err}:
		case <-ts.closed:
			return
		}
		if err != nil || strings.HasPrefix(text, totalPrefix) {
			return
		}
	}
}

// awaitTake returns when the event was taken, after the process that took it
// waits again. If a second process took the event too, finish counts that.
func (ts *takers) awaitTake() (taken int64, err error) {
	var taker *proc
	for timeout := time.After(wakeTimeout); ; {
		select {
		case line := <-ts.output:
			switch {
			case line.err != nil:
				return 0, line.err
			case line.text == "waiting" && line.from == taker:
				return taken, nil
			case line.text != "waiting" && taker == nil:
				if taken, err = parseNumber(line.text); err != nil {
					return 0, err
				}
				taker = line.from
			}
		case <-timeout:
			return 0, errTimedOut
		}
	}
}

// finish ends the waits and returns how often all processes together took the
// event.
func (ts *takers) finish() (takes int, err error) {
	for _, p := range ts.procs {
		if err := p.in.Close(); err != nil {
			return 0, err
		}
	}
	timeout := time.After(maxWait)
	for ended := 0; ended < len(ts.procs); {
		select {
		case line := <-ts.output:
			if line.err != nil {
				return 0, line.err
			}
			if total, ok := strings.CutPrefix(line.text, totalPrefix); ok {
				n, err := parseNumber(total)
				if err != nil {
					return 0, err
				}
				takes, ended = takes+int(n), ended+1
			}
		case <-timeout:
			return 0, errTimedOut
		}
	}
	return takes, nil
}

// takeInLoop is one of the processes. It prints "waiting" before it sleeps, the
// time of each take, and in the end the number of its takes.
func takeInLoop(_, path string, _ []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, input)
		cancel()
	}()
	e := fileevent.New(path, fileevent.AutoReset())
	for takes := 0; ; takes++ {
		err := e.Wait(onWait(ctx, func() { fmt.Println("waiting") }))
		if err != nil && ctx.Err() != nil {
			fmt.Println(totalPrefix, takes)
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println(now())
	}
}
