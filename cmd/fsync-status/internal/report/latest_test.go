package report

import (
	"testing"
	"time"
)

// Whatever the order of the runs, latest keeps those that started last, and returns the
// others.
func TestLatest(t *testing.T) {
	t.Parallel()
	l := latest{max: 3}
	returned := map[int]bool{}
	for i := range 100 {
		hours := i * 37 % 100
		r := ranAt(made.Add(time.Duration(hours)*time.Hour), 0)
		r.PID = hours
		if old, full := l.add(r); full {
			returned[old.PID] = true
		}
	}
	for i, r := range l.runs {
		if r.PID != 97+i || returned[r.PID] {
			t.Errorf("run %d is in place %d", r.PID, i)
		}
	}
	if l.older != 97 || len(returned) != 97 {
		t.Errorf("%d older runs, %d returned", l.older, len(returned))
	}
}
