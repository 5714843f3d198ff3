package report

import (
	"cmp"
	"slices"

	"github.com/fsync-lock/fsync/journal"
)

// latest keeps the runs that started last, at most max, in the order of their start.
type latest struct {
	runs  []journal.Run
	max   int
	older int // the number of runs that it did not keep
}

// add adds a run. If there are too many, it removes and returns the oldest.
func (l *latest) add(r journal.Run) (old journal.Run, full bool) {
	i, _ := slices.BinarySearchFunc(l.runs, r, compareRuns)
	l.runs = slices.Insert(l.runs, i, trimmed(r))
	if len(l.runs) <= l.max {
		return old, false
	}
	l.older++
	old = l.runs[0]
	l.runs = slices.Delete(l.runs, 0, 1)
	return old, true
}

func compareRuns(a, b journal.Run) int {
	return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID), cmp.Compare(a.Lock, b.Lock))
}
