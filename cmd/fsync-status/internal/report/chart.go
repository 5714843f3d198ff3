package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

// A chart has the timelines of all locks below one axis. It is HTML with positions in
// percent of the width, so that the page scales it without a script.
type chart struct {
	Style     template.CSS // its width
	Ticks     []tick
	Timelines []timeline
}

type tick struct {
	Label string
	Major bool // a new day
	Style template.CSS
}

// A timeline has the runs of one lock. Bars that overlap are in different lanes.
type timeline struct {
	Label, Path string
	Size        string
	Style       template.CSS // its height
	Bars        []bar
}

// A bar is drawn to scale: the wait for the lock, and then the hold.
type bar struct {
	Class string
	Text  string
	Style template.CSS
	Wait  template.CSS // of the part that is the wait; empty if there is none
}

// Widths in pixels. A bar is at least minBar wide. The chart is made so wide, up to
// maxChart, that most bars are wider than that.
const (
	minBar    = 3
	markWidth = 10 // of a mark, see isMark
	minChart  = 960
	maxChart  = 12000
	minTick   = 110 // between two ticks
)

// maxLanes bounds the height of a timeline.
const maxLanes = 40

// newChart draws a timeline for each lock that has a bucket. It merges buckets that would
// need too many lanes.
func newChart(locks []*lockRuns, within Interval) chart {
	from, to := extent(locks, within)
	s := newScale(locks, from, to)
	c := chart{Style: template.CSS(fmt.Sprintf("--width:%dpx", s.width)), Ticks: s.ticks()}
	for _, l := range locks {
		if len(l.buckets.all) == 0 {
			continue
		}
		t, lanes := s.timeline(l)
		for width := max(l.width, s.duration(minBar)); lanes > maxLanes && width < maxTimeWidth; t, lanes = s.timeline(l) {
			width *= 2
			l.coarsen(width)
		}
		c.Timelines = append(c.Timelines, t)
	}
	return c
}

// extent returns when the first run started and when the last one ended, cut to the
// interval.
func extent(locks []*lockRuns, within Interval) (from, to time.Time) {
	for _, l := range locks {
		for _, b := range l.buckets.all {
			if from.IsZero() || b.start.Before(from) {
				from = b.start
			}
			if b.end.After(to) {
				to = b.end
			}
		}
	}
	if from.Before(within.Since) {
		from = within.Since
	}
	if !within.Until.IsZero() && to.After(within.Until) {
		to = within.Until
	}
	return from, to
}

// A scale maps times to positions in the chart.
type scale struct {
	from  time.Time
	span  time.Duration
	width int // in pixels
}

// newScale returns a scale for the buckets, with a margin at both ends.
func newScale(locks []*lockRuns, from, to time.Time) scale {
	margin := max(to.Sub(from)/50, time.Second)
	s := scale{from: from.Add(-margin), span: to.Sub(from) + 2*margin, width: minChart}
	var lengths []time.Duration
	for _, l := range locks {
		for _, b := range l.buckets.all {
			if d := b.end.Sub(b.start); d > 0 {
				lengths = append(lengths, d)
			}
		}
	}
	if len(lengths) > 0 {
		slices.Sort(lengths)
		short := lengths[len(lengths)/4]
		room := max(float64(len(lengths))*2*markWidth, minChart) // so that a few runs are visible without scrolling
		s.width = int(min(max(float64(s.span)/float64(short)*2*minBar, minChart), maxChart, room))
	}
	return s
}

// position returns the position of a time: 0 is the left end, 1 the right end.
func (s scale) position(t time.Time) float64 { return float64(t.Sub(s.from)) / float64(s.span) }

// duration returns the time that a number of pixels stands for.
func (s scale) duration(pixels int) time.Duration {
	return time.Duration(float64(s.span) * float64(pixels) / float64(s.width))
}

// clip moves a time outside of the chart to its nearest end.
func (s scale) clip(t time.Time) time.Time {
	switch end := s.from.Add(s.span); {
	case t.Before(s.from):
		return s.from
	case t.After(end):
		return end
	}
	return t
}

func percent(x float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.5f", 100*x), "0"), ".") + "%"
}

// timeline draws the timeline of a lock, and returns its number of lanes. If there are
// merged buckets, each class has lanes of its own, which makes many bars easier to read.
func (s scale) timeline(l *lockRuns) (t timeline, numLanes int) {
	laneGroups := []string{""} // all classes
	if l.width > 0 {
		laneGroups = classes
	}
	t = timeline{Label: l.label, Path: l.path, Size: l.size()}
	if t.Path == t.Label {
		t.Path = ""
	}
	slices.SortFunc(l.buckets.all, func(a, b *bucket) int {
		if order := a.start.Compare(b.start); order != 0 {
			return order
		}
		return compareRuns(a.run, b.run)
	})
	var lanes lanes
	for _, class := range laneGroups {
		for _, b := range l.buckets.all {
			if class == "" || b.class == class {
				t.Bars = append(t.Bars, s.bar(b, l.label, lanes.take(s.occupied(b))))
			}
		}
		lanes.first = len(lanes.ends)
	}
	t.Style = template.CSS(fmt.Sprintf("--lanes:%d", len(lanes.ends)))
	return t, len(lanes.ends)
}

// lanes are the lanes of a timeline.
type lanes struct {
	ends  []time.Time // when each lane becomes free
	first int         // the first lane that may be used
}

// take returns the first free lane, and occupies it.
func (l *lanes) take(start, end time.Time) int {
	i := slices.IndexFunc(l.ends[l.first:], func(e time.Time) bool { return !e.After(start) })
	if i < 0 {
		l.ends = append(l.ends, end)
		return len(l.ends) - 1
	}
	l.ends[l.first+i] = end
	return l.first + i
}

// occupied returns the time that a bar occupies in its lane, with a gap after it.
func (s scale) occupied(b *bucket) (start, end time.Time) {
	width, before := minBar, 0
	if b.isMark() {
		width, before = markWidth, markWidth/2
	}
	start = b.start.Add(-s.duration(before))
	gap := s.duration(1)
	if b.n > 1 && !b.isMark() {
		gap = -gap // merged bars may touch each other
	}
	end = b.start.Add(max(b.end.Sub(b.start), s.duration(width))).Add(gap)
	return start, end
}

// isMark reports whether a bucket is drawn as a mark, centred at its start.
func (b *bucket) isMark() bool { return b.class == "skipped" || b.class == "error" }

func (s scale) bar(b *bucket, label string, lane int) bar {
	drawn := bar{Class: b.class, Text: b.describe(label)}
	start, end := s.clip(b.start), s.clip(b.end)
	length := end.Sub(start)
	drawn.Style = template.CSS(fmt.Sprintf("left:%s;width:%s", percent(s.position(start)), percent(float64(length)/float64(s.span))))
	if lane > 0 {
		drawn.Style += template.CSS(fmt.Sprintf(";--lane:%d", lane))
	}
	if b.n > 1 {
		drawn.Class += " many"
		return drawn
	}
	waited := s.clip(b.start.Add(b.run.Waited)).Sub(start)
	if b.class != "skipped" && (b.run.Held > 0 || waited >= s.duration(minBar)) && waited > 0 && length > 0 { // no hatching over a mark
		drawn.Wait = template.CSS("width:" + percent(float64(waited)/float64(length)))
	}
	return drawn
}
