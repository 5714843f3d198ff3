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

// take is an event that lets exactly one of those who wait through.
var take = row{
	name:        "take",
	description: "200 processes race for one event that resets itself; it is set 1000 times, each time when the last taker waits again",
	peers:       []string{ours},
	rounds:      func(s scale) int { return s.takeRounds },
	figures: []figure{
		{name: "takers", unit: count, key: "takers", reduce: sum, pooled: true},
		{name: "sets without a taker", unit: count, key: "untaken", reduce: sum, pooled: true},
		{name: "takers too many", unit: count, key: "tooMany", reduce: sum, pooled: true},
		{name: "set to taken, p50", unit: nanoseconds, key: "took", reduce: quantile(0.5)},
		{name: "set to taken, most", unit: nanoseconds, key: "took", reduce: quantile(1)},
	},
	bounds: []bound{
		{figure: "sets without a taker", limit: 0, text: "none"},
		{figure: "takers too many", limit: 0, text: "none"},
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
	defer ts.end()
	e := fileevent.New(path, fileevent.AutoReset())
	var took []float64
	for range b.scale.takes {
		set := now()
		if err := e.Set(); err != nil {
			return sample{}, err
		}
		taken, err := ts.taken()
		if errors.Is(err, errTimedOut) {
			break
		}
		if err != nil {
			return sample{}, err
		}
		took = append(took, float64(taken-set))
	}
	takers, err := ts.dismiss()
	if err != nil {
		return sample{}, err
	}
	s := sample{values: map[string][]float64{
		"takers": {float64(takers)}, "untaken": {0}, "tooMany": {float64(takers - len(took))}, "took": took,
	}}
	if len(took) < b.scale.takes {
		s.values["untaken"][0] = 1
		s.note = fmt.Sprintf("nobody took set number %d, which was the last", len(took)+1)
	}
	return s, nil
}

// takers are the processes, all of which may speak at any time.
type takers struct {
	procs []*proc
	said  chan output
	ended chan struct{}
}

// lastWords are before the number of times that a process took the event.
const totalPrefix = "in all"

type output struct {
	who  *proc
	line string
	err  error
}

// newTakers starts the processes and returns when all wait.
func (b *bench) newTakers(peer, path string) (*takers, error) {
	f, err := b.newInotifyLimit(b.scale.watchers)
	if err != nil {
		return nil, err
	}
	ts := &takers{said: make(chan output), ended: make(chan struct{})}
	for range b.scale.processes {
		p, err := b.start(f.enter(b.roleCommand("take", peer, path)))
		if err != nil {
			return nil, err
		}
		if err := p.expect("asleep"); err != nil {
			return nil, err
		}
		ts.procs = append(ts.procs, p)
	}
	for _, p := range ts.procs {
		go ts.listen(p)
	}
	return ts, nil
}

func (ts *takers) end() { close(ts.ended) }

// listen passes on what a process says, until its last words or until nobody is there to hear.
func (ts *takers) listen(p *proc) {
	for {
		line, err := p.lineBy(time.Time{})
		select {
		case ts.said <- output{p, line, err}:
		case <-ts.ended:
			return
		}
		if err != nil || strings.HasPrefix(line, totalPrefix) {
			return
		}
	}
}

// taken returns when the event was taken, after the one who took it waits
// again. If there are more, those count in the end.
func (ts *takers) taken() (when int64, err error) {
	var taker *proc
	for late := time.After(wakeTimeout); ; {
		select {
		case s := <-ts.said:
			switch {
			case s.err != nil:
				return 0, s.err
			case s.line == "asleep" && s.who == taker:
				return when, nil
			case s.line != "asleep" && taker == nil:
				took, err := parseNumbers(s.line, 1)
				if err != nil {
					return 0, err
				}
				taker, when = s.who, took[0]
			}
		case <-late:
			return 0, errTimedOut
		}
	}
}

// dismiss ends the waits and returns how often the event was taken by all.
func (ts *takers) dismiss() (n int, err error) {
	for _, p := range ts.procs {
		if err := p.in.Close(); err != nil {
			return 0, err
		}
	}
	late := time.After(maxWait)
	for range ts.procs {
		for heard := false; !heard; {
			select {
			case s := <-ts.said:
				if s.err != nil {
					return 0, s.err
				}
				if number, last := strings.CutPrefix(s.line, totalPrefix); last {
					took, err := parseNumbers(number, 1)
					if err != nil {
						return 0, err
					}
					n, heard = n+int(took[0]), true
				}
			case <-late:
				return 0, errTimedOut
			}
		}
	}
	return n, nil
}

// takeOverAndOver is one of the processes: it says when it sleeps and when it
// has taken the event, and in the end how often that was.
func takeInLoop(_, path string, _ []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, input)
		cancel()
	}()
	e := fileevent.New(path, fileevent.AutoReset())
	for taken := 0; ; taken++ {
		err := e.Wait(onWait(ctx, func() { fmt.Println("asleep") }))
		if err != nil && ctx.Err() != nil {
			fmt.Println(totalPrefix, taken)
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println(now())
	}
}
