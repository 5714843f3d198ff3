package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/journal"
)

// Bounds of a report: its memory does not grow with the journals.
const (
	maxBars      = 10_000 // if each run has its own
	maxMerged    = 8_000  // bars, if runs are merged
	maxLocks     = 500    // with a timeline of their own
	maxHosts     = 1_000  // hosts of a lock that are counted
	maxProblems  = 200
	maxUnended   = 1_000
	maxPath      = 4096 // bytes of the path of a lock
	minWidth     = time.Millisecond
	maxTimeWidth = 100 * 365 * 24 * time.Hour
)

// A collector takes the runs of journals one after the other. It keeps exact counts,
// and buckets of runs for the chart.
type collector struct {
	within   Interval
	locks    map[string]*lockRuns // by path
	others   *lockRuns            // of all further locks, once there are maxLocks
	total    counts
	buckets  int           // of all locks
	width    time.Duration // of a bucket
	problems latest        // runs that failed or did not run
	unended  latest        // runs without a line about their end: Running and Started
	seen     *seenRuns     // nil if all runs are in one file
}

// lockRuns are the runs of one lock, on all hosts.
type lockRuns struct {
	label, path string
	counts
	buckets
	hosts    map[string]bool // at most maxHosts
	acquired time.Time       // when the last run with a known end got the lock
}

func newCollector(within Interval) *collector {
	return &collector{within: within, locks: map[string]*lockRuns{}, problems: latest{max: maxProblems}, unended: latest{max: maxUnended}}
}

// add adds a run. A run without a line about its end is kept until finish, which finds out
// whether the run is still going.
func (c *collector) add(r journal.Run) {
	r.Lock = r.Lock[:min(len(r.Lock), maxPath)]
	if r.Outcome != journal.Running && r.Outcome != journal.Started {
		c.count(r)
		return
	}
	if old, full := c.unended.add(r); full {
		c.count(endNotRecorded(old))
	}
}

// count counts a run and puts it into a bucket. It ignores a run outside of the interval,
// and a run that it has seen before: a journal and its copy may both be operands.
func (c *collector) count(r journal.Run) {
	if !c.within.overlaps(r.Start, endOf(r)) || c.seen.has(r) {
		return
	}
	l := c.lock(r)
	l.counts.add(r)
	c.total.add(r)
	if len(l.hosts) < maxHosts {
		l.hosts[shortened(r.Host)] = true
	}
	if got := r.Start.Add(r.Waited); gotLock(r) && got.After(l.acquired) {
		l.acquired = got
	}
	if isProblem(r) {
		c.problems.add(r)
	}
	if l.buckets.add(newBucket(r)) {
		c.buckets++
	}
	if c.buckets > c.limit() {
		c.merge(maxMerged)
	}
}

func gotLock(r journal.Run) bool {
	switch r.Outcome {
	case journal.Skipped, journal.TimedOut, journal.Interrupted, journal.FailedToLock:
		return false
	}
	return true
}

func (c *collector) limit() int {
	if c.width == 0 {
		return maxBars
	}
	return maxMerged
}

// merge merges runs until there are no more buckets than the limit, if it can. It reports
// whether there are fewer than before.
func (c *collector) merge(limit int) bool {
	before := c.buckets
	for c.buckets > limit && c.width < maxTimeWidth {
		c.coarsen()
	}
	return c.buckets < before
}

// coarsen doubles the width of the buckets.
func (c *collector) coarsen() {
	c.width = max(2*c.width, minWidth)
	c.buckets = 0
	for _, l := range c.allLocks() {
		l.coarsen(c.width)
		c.buckets += len(l.buckets.all)
	}
}

// lock returns the runs of the lock of a run.
func (c *collector) lock(r journal.Run) *lockRuns {
	if l := c.locks[r.Lock]; l != nil {
		return l
	}
	if len(c.locks) < maxLocks {
		l := &lockRuns{label: printable.Text(shortened(cmp.Or(r.Name, r.Lock))), path: printable.Text(shortened(r.Lock)), hosts: map[string]bool{}}
		l.buckets.setWidth(c.width)
		c.locks[r.Lock] = l
		return l
	}
	if c.others == nil {
		c.others = &lockRuns{label: "other locks", hosts: map[string]bool{}}
		c.others.buckets.setWidth(c.width)
	}
	return c.others
}

// allLocks returns all locks, ordered by name.
func (c *collector) allLocks() []*lockRuns {
	var all []*lockRuns
	for _, l := range c.locks {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *lockRuns) int { return cmp.Or(cmp.Compare(a.label, b.label), cmp.Compare(a.path, b.path)) })
	if c.others != nil {
		all = append(all, c.others)
	}
	return all
}

// size returns a text such as "5 runs on 2 hosts".
func (l *lockRuns) size() string {
	text := cli.Plural(l.Runs, "run", "runs")
	switch n := len(l.hosts); {
	case n >= maxHosts:
		text += fmt.Sprintf(" on %d hosts or more", n)
	case n > 1:
		text += fmt.Sprintf(" on %d hosts", n)
	}
	return text
}

// counts are what the summary shows for a lock.
type counts struct {
	Runs, Failed, Killed, Skipped, TimedOut, Running int

	wait, hold time.Duration // the longest
	holding    bool          // the longest hold has not ended
}

func (c *counts) add(r journal.Run) {
	c.Runs++
	c.wait = max(c.wait, r.Waited)
	if r.Held > c.hold {
		c.hold, c.holding = r.Held, r.Outcome == journal.Running
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

// Wait returns the longest wait.
func (c counts) Wait() string { return exactly(c.wait) }

// Hold returns the longest hold.
func (c counts) Hold() string {
	if c.holding {
		return exactly(c.hold) + " so far"
	}
	return exactly(c.hold)
}
