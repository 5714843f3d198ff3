package main

import (
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/journal"
)

// A block is what one bar shows: a run, or many runs of one class that are too
// close together to be told apart.
type block struct {
	run        journal.Run // if n is 1
	class      string
	n          int
	start, end time.Time // of the first, and of what lasted longest
	wait, hold time.Duration
	hosts      hosts
}

func newBlock(r journal.Run, class string) *block {
	b := &block{run: trimmed(r), class: class, n: 1, start: r.Start, end: endOf(r), wait: r.Waited, hold: r.Held}
	b.hosts.add(b.run.Host)
	return b
}

// merge makes one block of two.
func (b *block) merge(other *block) {
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

// A slot is what blocks have in common that become one: their class, the time
// of their start, and for those that are longer than that time, how long they
// are: one long run among many short ones keeps a bar of its own.
type slot struct {
	class  string
	at     int64
	length int
}

func (b *block) slot(width time.Duration) slot {
	return slot{class: b.class, at: b.start.UnixMilli() / max(width.Milliseconds(), 1), length: bits.Len64(uint64(b.end.Sub(b.start) / width))}
}

// blocks are those of one lock, in no order. While width is 0 each run has its
// own.
type blocks struct {
	all   []*block
	at    map[slot]*block
	width time.Duration
}

// begin sets the width before there are any blocks.
func (bs *blocks) begin(width time.Duration) {
	if width > 0 {
		bs.coarsen(width)
	}
}

// add adds a block, and reports whether there is one more now.
func (bs *blocks) add(b *block) bool {
	if bs.width > 0 {
		s := b.slot(bs.width)
		if other := bs.at[s]; other != nil {
			other.merge(b)
			return false
		}
		bs.at[s] = b
	}
	bs.all = append(bs.all, b)
	return true
}

// coarsen merges blocks that start within a width of time.
func (bs *blocks) coarsen(width time.Duration) {
	all := bs.all
	bs.all, bs.at, bs.width = nil, map[slot]*block{}, width
	for _, b := range all {
		bs.add(b)
	}
}

// merged is how many runs have no bar of their own, and how many bars they
// have together.
func (bs *blocks) merged() (runs, bars int) {
	for _, b := range bs.all {
		if b.n > 1 {
			runs, bars = runs+b.n, bars+1
		}
	}
	return runs, bars
}

// hosts are the names of some hosts, the first few of all.
type hosts struct {
	names []string
	more  bool
}

const someHosts = 3

func (h *hosts) add(name string) {
	switch {
	case name == "" || slices.Contains(h.names, name):
	case len(h.names) == someHosts:
		h.more = true
	default:
		h.names = append(h.names, name)
	}
}

func (h *hosts) addAll(other hosts) {
	for _, name := range other.names {
		h.add(name)
	}
	h.more = h.more || other.more
}

// String is "on web1, web2", or empty if no host is known.
func (h hosts) String() string {
	if len(h.names) == 0 {
		return ""
	}
	text := "on " + printable.Text(strings.Join(h.names, ", "))
	if h.more {
		text += " and others"
	}
	return text
}

// longText is how many characters of a name, a command or a reason are shown.
const longText = 300

// trimmed is the run with no more in it than is shown: a command line may take
// up 16 KiB.
func trimmed(r journal.Run) journal.Run {
	for _, text := range []*string{&r.Name, &r.Host, &r.User, &r.Signal, &r.Reason} {
		*text = shortened(*text)
	}
	if n := len(r.Command); n > 0 {
		r.Command = []string{shortened(strings.Join(r.Command, " "))}
	}
	return r
}

// shortened keeps what is shown of a text, in memory of its own.
func shortened(s string) string {
	if len(s) <= longText {
		return s
	}
	return strings.Clone(printable.Shorten(s[:min(len(s), 4*longText+4)], longText))
}
