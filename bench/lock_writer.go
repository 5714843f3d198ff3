//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

const (
	readers     = 4
	readerHold  = 5 * time.Millisecond // on average; see readInLoop
	writerPause = 10 * time.Millisecond
)

var writer = row{
	name:        "writer",
	description: "a writer waits for a lock that four readers hold in tight loops, 5 ms each, so that their holds overlap",
	peers:       []string{ours, rawFlock},
	rounds:      func(s scale) int { return s.writerRounds },
	figures: []figure{
		{name: "writer's wait, p50", unit: nanoseconds, key: "wait", reduce: quantile(0.5), pooled: true},
		{name: "writer's wait, p99", unit: nanoseconds, key: "wait", reduce: quantile(0.99), pooled: true},
	},
	bounds: []bound{
		{figure: "writer's wait, p99", limit: 10 * ns(readerHold), text: "≤ 10 × the readers' hold = 50 ms"},
	},
	measure: measureWriter,
}

// measureWriter measures a number of waits, or fewer if the time ends first. An
// unfinished wait counts with its length until then.
func measureWriter(b *bench, peer string) (sample, error) {
	path := b.lockPath("writer")
	for range readers {
		p, err := b.role("read", peer, path, int64(readerHold))
		if err != nil {
			return sample{}, err
		}
		if err := p.expect("held"); err != nil {
			return sample{}, err
		}
	}
	p, err := b.startReady(b.roleCommand("write", peer, path, int64(writerPause)))
	if err != nil {
		return sample{}, err
	}
	var s sample
	var waits []float64
	end := time.Now().Add(b.scale.writerTime)
	for last := time.Now(); len(waits) < b.scale.writes; last = time.Now() {
		line, err := p.lineBy(end)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			waits = append(waits, ns(time.Since(last)-writerPause))
			s.note = fmt.Sprintf("starved: the writer held the lock %d times in %v", len(waits)-1, b.scale.writerTime)
			break
		}
		if err != nil {
			return sample{}, err
		}
		wait, err := parseNumber(line)
		if err != nil {
			return sample{}, err
		}
		waits = append(waits, float64(wait))
	}
	s.values = map[string][]float64{"wait": waits}
	return s, nil
}

// readInLoop is a reader. The length of its holds varies by a fifth. Otherwise all
// readers, which begin together after a writer, would also release the lock together,
// and leave a gap for the writer.
func readInLoop(peer, path string, args []string) error {
	var hold int64
	if err := numberArgs(args, &hold); err != nil {
		return err
	}
	l, err := newPeerLock(peer, path, true)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		if err := l.acquire(); err != nil {
			return err
		}
		if first {
			fmt.Println("held")
		}
		sleep(hold*4/5 + rand.Int64N(hold*2/5))
		if err := l.release(); err != nil {
			return err
		}
	}
}

// writeInLoop is the writer. It prints the length of each wait.
func writeInLoop(peer, path string, args []string) error {
	var pause int64
	if err := numberArgs(args, &pause); err != nil {
		return err
	}
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		sleep(pause)
		asked := now()
		if err := l.acquire(); err != nil {
			return err
		}
		acquired := now()
		if err := l.release(); err != nil {
			return err
		}
		if _, err := fmt.Println(acquired - asked); err != nil {
			return err
		}
	}
}
