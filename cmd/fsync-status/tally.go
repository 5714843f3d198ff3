package main

import (
	"cmp"
	"container/heap"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/journal"
)

// What a report keeps does not grow with its journals.
const (
	maxBars      = 10_000  // while each run has one
	maxMerged    = 8_000   // once runs are merged
	maxLocks     = 500     // that have a timeline and a line of the summary
	maxHosts     = 1_000   // of a lock that are counted
	maxTroubles  = 200     // runs that did not come to be, or failed
	maxUnended   = 1_000   // runs that may still be running
	maxKnown     = 4 << 20 // places for runs that are told from the same ones in another journal
	maxPath      = 4096    // bytes of a lock's path
	finest       = time.Millisecond
	coarsestTime = 100 * 365 * 24 * time.Hour
)

// A tally is what a report keeps of the runs that it reads, one after the
// other: the exact counts of each lock, and blocks to be drawn.
type tally struct {
	within  interval
	locks   map[string]*group // by path
	others  *group            // of the locks that came when there were too many
	all     counts
	blocks  int           // of all groups
	width   time.Duration // within which blocks are merged
	trouble latest
	unended latest // Running and Started
	known   *known // nil while one file was read
}

// A group is the runs of one lock, whichever host they were on.
type group struct {
	label, path string
	counts
	blocks
	hosts    map[string]bool // some thousand at most
	acquired time.Time       // when the last run got the lock whose end is known
}

func newTally(within interval) *tally {
	return &tally{within: within, locks: map[string]*group{}, trouble: latest{most: maxTroubles}, unended: latest{most: maxUnended}}
}

// add takes in a run. Whether one still runs is found out when all is read.
func (t *tally) add(r journal.Run) {
	r.Lock = r.Lock[:min(len(r.Lock), maxPath)]
	if r.Outcome != journal.Running && r.Outcome != journal.Started {
		t.put(r)
		return
	}
	if old, full := t.unended.add(r); full {
		t.put(unseen(old))
	}
}

// unseen is a run whose end is not known.
func unseen(r journal.Run) journal.Run {
	switch {
	case wasLeft(r):
		r.Outcome = journal.Started
	case r.Outcome == journal.Running:
		r.Outcome, r.Reason = journal.Started, cmp.Or(r.Reason, "it was still running after "+exactly(r.Held))
		r.Held = 0
	}
	return r
}

// put counts a run, unless it is there already, as when a journal and a copy of
// it are read, or is not of the time that is asked for.
func (t *tally) put(r journal.Run) {
	if !t.within.has(r.Start, endOf(r)) || t.known.has(r) {
		return
	}
	g := t.group(r)
	g.counts.add(r)
	t.all.add(r)
	if len(g.hosts) < maxHosts {
		g.hosts[shortened(r.Host)] = true
	}
	if got := r.Start.Add(r.Waited); hadLock(r) && got.After(g.acquired) {
		g.acquired = got
	}
	if isTrouble(r) {
		t.trouble.add(r)
	}
	if g.blocks.add(newBlock(r, class(r))) {
		t.blocks++
	}
	for limit := t.limit(); t.blocks > limit && t.width < coarsestTime; limit = maxMerged {
		t.coarsen()
	}
}

func hadLock(r journal.Run) bool {
	switch r.Outcome {
	case journal.Skipped, journal.TimedOut, journal.Interrupted, journal.FailedToLock:
		return false
	}
	return true
}

func (t *tally) limit() int {
	if t.width == 0 {
		return maxBars
	}
	return maxMerged
}

// coarsen merges what starts within twice the time.
func (t *tally) coarsen() {
	t.width = max(2*t.width, finest)
	t.blocks = 0
	for _, g := range t.groups() {
		g.coarsen(t.width)
		t.blocks += len(g.blocks.all)
	}
}

// group is the one that a run belongs to.
func (t *tally) group(r journal.Run) *group {
	if g := t.locks[r.Lock]; g != nil {
		return g
	}
	if len(t.locks) < maxLocks {
		g := &group{label: printable.Text(shortened(cmp.Or(r.Name, r.Lock))), path: printable.Text(shortened(r.Lock)), hosts: map[string]bool{}}
		g.blocks.begin(t.width)
		t.locks[r.Lock] = g
		return g
	}
	if t.others == nil {
		t.others = &group{label: "other locks", hosts: map[string]bool{}}
		t.others.blocks.begin(t.width)
	}
	return t.others
}

// groups are all of them, in the order of their names.
func (t *tally) groups() []*group {
	var groups []*group
	for _, g := range t.locks {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *group) int { return cmp.Or(cmp.Compare(a.label, b.label), cmp.Compare(a.path, b.path)) })
	if t.others != nil {
		groups = append(groups, t.others)
	}
	return groups
}

// count says how many runs there are, and on how many hosts if on more than
// one.
func (g *group) count() string {
	text := plural(g.Runs, "run")
	switch n := len(g.hosts); {
	case n >= maxHosts:
		text += fmt.Sprintf(" on %d hosts or more", n)
	case n > 1:
		text += fmt.Sprintf(" on %d hosts", n)
	}
	return text
}

// counts are what there is to say about the runs of a lock.
type counts struct {
	Runs, Failed, Killed, Skipped, TimedOut, Running int

	wait, hold time.Duration // the longest
	held       bool          // that hold has not ended
}

func (c *counts) add(r journal.Run) {
	c.Runs++
	c.wait = max(c.wait, r.Waited)
	if r.Held > c.hold {
		c.hold, c.held = r.Held, r.Outcome == journal.Running
	}
	switch {
	case r.Outcome == journal.Running:
		c.Running++
	case r.Outcome == journal.Killed:
		c.Killed++
	case r.Outcome == journal.Skipped:
		c.Skipped++
	case r.Outcome == journal.TimedOut:
		c.TimedOut++
	case failed(r):
		c.Failed++
	}
}

// Wait is how long the longest wait took.
func (c counts) Wait() string { return exactly(c.wait) }

// Hold is how long the longest hold took.
func (c counts) Hold() string {
	if c.held {
		return exactly(c.hold) + " so far"
	}
	return exactly(c.hold)
}

// latest keeps the runs that started last, the first of them on top, and how
// many others there were.
type latest struct {
	runs  []journal.Run
	most  int
	older int
}

func (l *latest) Len() int           { return len(l.runs) }
func (l *latest) Less(i, j int) bool { return l.runs[i].Start.Before(l.runs[j].Start) }
func (l *latest) Swap(i, j int)      { l.runs[i], l.runs[j] = l.runs[j], l.runs[i] }
func (l *latest) Push(x any)         { l.runs = append(l.runs, x.(journal.Run)) }

func (l *latest) Pop() any {
	last := l.runs[len(l.runs)-1]
	l.runs = l.runs[:len(l.runs)-1]
	return last
}

// add adds a run, and returns the one that had to make room for it.
func (l *latest) add(r journal.Run) (old journal.Run, full bool) {
	if len(l.runs) < l.most {
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

// sorted are the runs by their starts.
func (l *latest) sorted() []journal.Run {
	runs := slices.Clone(l.runs)
	slices.SortFunc(runs, inOrder)
	return runs
}

func inOrder(a, b journal.Run) int {
	return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID), cmp.Compare(a.Lock, b.Lock))
}

// known tells which runs were read before, by what is alike in all lines of a
// run: it keeps a number for each, in a hash table whose free places are 0. When
// that has as many as it may have, it learns no more.
type known struct {
	seed  maphash.Seed
	table []uint64
	used  int
}

type identity struct {
	start      int64
	pid        int
	host, lock string
}

func newKnown() *known { return &known{seed: maphash.MakeSeed(), table: make([]uint64, 1<<10)} }

// has reports whether the run was read before, and learns it.
func (k *known) has(r journal.Run) bool {
	if k == nil {
		return false
	}
	sum := max(maphash.Comparable(k.seed, identity{r.Start.UnixNano(), r.PID, r.Host, r.Lock}), 1)
	if k.used >= len(k.table)/4*3 && len(k.table) < maxKnown {
		k.grow()
	}
	place := k.place(sum)
	if *place == sum {
		return true
	}
	if k.used < len(k.table)/4*3 {
		*place = sum
		k.used++
	}
	return false
}

// place is where a number is, or would be.
func (k *known) place(sum uint64) *uint64 {
	last := uint64(len(k.table) - 1)
	for i := sum & last; ; i = (i + 1) & last {
		if place := &k.table[i]; *place == 0 || *place == sum {
			return place
		}
	}
}

func (k *known) grow() {
	old := k.table
	k.table = make([]uint64, 2*len(old))
	for _, sum := range old {
		if sum != 0 {
			*k.place(sum) = sum
		}
	}
}
