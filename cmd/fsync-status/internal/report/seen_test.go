package report

import (
	"testing"
	"time"
)

// A seenRuns remembers runs until it is full.
func TestSeenRuns(t *testing.T) {
	t.Parallel()
	k := newSeenRuns()
	const n = 20_000
	for round := range 2 {
		for i := range n {
			r := ranAt(made.Add(time.Duration(i/2)), 0)
			r.PID = i % 2
			if k.has(r) != (round == 1) {
				t.Fatalf("round %d, run %d", round, i)
			}
		}
	}
	k.max = len(k.hashes)
	r := ranAt(made.Add(-time.Hour), 0)
	if first, second := k.has(r), k.has(r); first || second {
		t.Error("it remembers a run although it is full")
	}
}

// A run that is in two journals is counted once.
func TestSeenRunIsNotCounted(t *testing.T) {
	t.Parallel()
	c := newCollector(Interval{})
	c.seen = newSeenRuns()
	for range 2 {
		c.add(ranAt(made, time.Minute))
	}
	if c.total.Runs != 1 {
		t.Errorf("%d runs", c.total.Runs)
	}
}
