package report

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/journal"
)

// A bucket has the runs of one bar: one run, or many runs of one class that started
// close together.
type bucket struct {
	run        journal.Run // if n is 1
	class      string
	n          int
	start, end time.Time // of the first run that started, and of the last that ended
	wait, hold time.Duration
	hosts      hostNames
}

func newBucket(r journal.Run) *bucket {
	b := &bucket{run: trimmed(r), class: class(r), n: 1, start: r.Start, end: endOf(r), wait: r.Waited, hold: r.Held}
	b.hosts.add(b.run.Host)
	return b
}

// merge adds the runs of another bucket.
func (b *bucket) merge(other *bucket) {
	b.n += other.n
	b.run = journal.Run{}
	if other.start.Before(b.start) {
		b.start = other.start
	}
	if other.end.After(b.end) {
		b.end = other.end
	}
	b.wait, b.hold = max(b.wait, other.wait), max(b.hold, other.hold)
	b.hosts.addAll(other.hosts)
}

// A bucketKey is what the runs of a bucket have in common: the class, the start in units
// of the width, and the binary logarithm of the length in the same unit. So one long run
// among many short ones keeps a bar of its own.
type bucketKey struct {
	class  string
	start  int64
	length int
}

func (b *bucket) key(width time.Duration) bucketKey {
	return bucketKey{class: b.class, start: b.start.UnixMilli() / max(width.Milliseconds(), 1), length: bits.Len64(uint64(b.end.Sub(b.start) / width))}
}

// buckets are the buckets of one lock, in no order. While the width is 0, each run has
// its own bucket.
type buckets struct {
	all   []*bucket
	byKey map[bucketKey]*bucket
	width time.Duration
}

// setWidth sets the width before the first bucket is added.
func (bs *buckets) setWidth(width time.Duration) {
	if width > 0 {
		bs.coarsen(width)
	}
}

// add adds a bucket, or merges it into one with the same key. It reports whether there is
// one bucket more.
func (bs *buckets) add(b *bucket) bool {
	if bs.width > 0 {
		key := b.key(bs.width)
		if other := bs.byKey[key]; other != nil {
			other.merge(b)
			return false
		}
		bs.byKey[key] = b
	}
	bs.all = append(bs.all, b)
	return true
}

// coarsen merges the buckets into buckets of a greater width.
func (bs *buckets) coarsen(width time.Duration) {
	all := bs.all
	bs.all, bs.byKey, bs.width = nil, map[bucketKey]*bucket{}, width
	for _, b := range all {
		bs.add(b)
	}
}

// merged returns the number of runs that share a bar, and the number of these bars.
func (bs *buckets) merged() (runs, bars int) {
	for _, b := range bs.all {
		if b.n > 1 {
			runs, bars = runs+b.n, bars+1
		}
	}
	return runs, bars
}

// hostNames are the names of some hosts: the first maxHostNames.
type hostNames struct {
	names []string
	more  bool // there are more hosts
}

const maxHostNames = 3

func (h *hostNames) add(name string) {
	switch {
	case name == "" || slices.Contains(h.names, name):
	case len(h.names) == maxHostNames:
		h.more = true
	default:
		h.names = append(h.names, name)
	}
}

func (h *hostNames) addAll(other hostNames) {
	for _, name := range other.names {
		h.add(name)
	}
	h.more = h.more || other.more
}

// String returns a text such as "on web1, web2"; it is empty if no host is known.
func (h hostNames) String() string {
	if len(h.names) == 0 {
		return ""
	}
	text := "on " + printable.Text(strings.Join(h.names, ", "))
	if h.more {
		text += " and others"
	}
	return text
}

// describe returns the text of a bar, in some lines.
func (b *bucket) describe(label string) string {
	if b.n == 1 {
		return describe(b.run)
	}
	lines := []string{
		fmt.Sprintf("%s: %d runs in one bar: %s", label, b.n, classText(b.class)),
		fmt.Sprintf("%s to %s", b.start.Local().Format(toTheSecond), formatEnd(b.start, b.end)),
	}
	var times []string
	if b.wait >= noticed {
		times = append(times, "longest wait "+exactly(b.wait))
	}
	if b.hold > 0 {
		times = append(times, "longest hold "+exactly(b.hold))
	}
	for _, line := range []string{strings.Join(times, ", "), b.hosts.String()} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
