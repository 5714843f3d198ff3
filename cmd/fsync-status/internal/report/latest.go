package report

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/fsync-lock/fsync/journal"
)

// latest keeps the runs that started last, at most max, in a heap with the oldest on
// top.
type latest struct {
	runs  []journal.Run
	max   int
	older int // the number of runs that it did not keep
}

// add adds a run. If there are too many, it returns the oldest.
func (l *latest) add(r journal.Run) (old journal.Run, full bool) {
	if len(l.runs) < l.max {
		heap.Push(l, trimmed(r))
		return old, false
	}
	l.older++
	if !r.Start.After(l.runs[0].Start) {
		return r, true
	}
	old, l.runs[0] = l.runs[0], trimmed(r)
	heap.Fix(l, 0)
	return old, true
}

// sorted returns the runs in the order of their start.
func (l *latest) sorted() []journal.Run { return slices.SortedFunc(slices.Values(l.runs), compareRuns) }

func compareRuns(a, b journal.Run) int {
	return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID), cmp.Compare(a.Lock, b.Lock))
}

// The methods of [heap.Interface].

func (l *latest) Len() int           { return len(l.runs) }
func (l *latest) Less(i, j int) bool { return l.runs[i].Start.Before(l.runs[j].Start) }
func (l *latest) Swap(i, j int)      { l.runs[i], l.runs[j] = l.runs[j], l.runs[i] }
func (l *latest) Push(x any)         { l.runs = append(l.runs, x.(journal.Run)) }

func (l *latest) Pop() any {
	last := l.runs[len(l.runs)-1]
	l.runs = l.runs[:len(l.runs)-1]
	return last
}
