package main

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

// A chart is the timelines of all locks below one axis. Where something is in
// it is a percentage of its width.
type chart struct {
	Style     template.CSS // how wide it is
	Ticks     []tick
	Timelines []timeline
}

type tick struct {
	Label string
	Major bool // a new day
	Style template.CSS
}

// A timeline is the runs of one lock. Those that overlap stand in lanes below
// each other.
type timeline struct {
	Label, Path string
	Count       string
	Style       template.CSS // how high it is
	Bars        []bar
}

// A bar is a block, drawn to scale: what it waited for the lock, and what it
// held it.
type bar struct {
	Class string
	Facts string
	Style template.CSS
	Wait  template.CSS // of the part that is the wait; empty = there is none
}

// Widths in pixels. A bar is not narrower than it can be seen, and so a chart
// is wide enough that most runs are wider than that, within reason.
const (
	narrowest = 3  // of a bar
	markWidth = 10 // of a run that took no time
	minWidth  = 960
	maxWidth  = 12000
	tickWidth = 110 // between ticks, at least
)

// maxLanes bounds the height of a timeline.
const maxLanes = 40

// newChart draws the groups that have a block. Runs that would need too many
// lanes are merged.
func newChart(groups []*group, within interval) chart {
	from, to := extent(groups, within)
	s := newScale(groups, from, to)
	c := chart{Style: template.CSS(fmt.Sprintf("--width:%dpx", s.width)), Ticks: s.ticks()}
	for _, g := range groups {
		if len(g.blocks.all) == 0 {
			continue
		}
		t, lanes := s.timeline(g)
		for width := max(g.width, s.inTime(narrowest)); lanes > maxLanes && width < coarsestTime; t, lanes = s.timeline(g) {
			width *= 2
			g.coarsen(width)
		}
		c.Timelines = append(c.Timelines, t)
	}
	return c
}

// extent is from when to when there are runs, of the time that is asked for.
func extent(groups []*group, within interval) (from, to time.Time) {
	for _, g := range groups {
		for _, b := range g.blocks.all {
			if from.IsZero() || b.start.Before(from) {
				from = b.start
			}
			if b.end.After(to) {
				to = b.end
			}
		}
	}
	if from.Before(within.since) {
		from = within.since
	}
	if !within.until.IsZero() && to.After(within.until) {
		to = within.until
	}
	return from, to
}

// A scale says where a time is.
type scale struct {
	from  time.Time
	span  time.Duration
	width int
}

// newScale makes room for the blocks, and some at both ends.
func newScale(groups []*group, from, to time.Time) scale {
	margin := max(to.Sub(from)/50, time.Second)
	s := scale{from: from.Add(-margin), span: to.Sub(from) + 2*margin}
	var times []time.Duration
	for _, g := range groups {
		for _, b := range g.blocks.all {
			if d := b.end.Sub(b.start); d > 0 {
				times = append(times, d)
			}
		}
	}
	s.width = minWidth
	if len(times) > 0 {
		slices.Sort(times)
		short := times[len(times)/4]
		room := max(float64(len(times))*2*markWidth, minWidth) // few runs are to be seen without scrolling
		s.width = int(min(max(float64(s.span)/float64(short)*2*narrowest, minWidth), maxWidth, room))
	}
	return s
}

// at is where a time is, of 1.
func (s scale) at(t time.Time) float64 { return float64(t.Sub(s.from)) / float64(s.span) }

// inTime is how much time so many pixels are.
func (s scale) inTime(pixels int) time.Duration {
	return time.Duration(float64(s.span) * float64(pixels) / float64(s.width))
}

// inside is the part of a time that is in the chart.
func (s scale) inside(t time.Time) time.Time {
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

func (s scale) timeline(g *group) (t timeline, high int) {
	classes := []string{""} // all of them
	if g.width > 0 {        // many bars, of which those of a class are easier to see in a row
		classes = allClasses
	}
	t = timeline{Label: g.label, Path: g.path, Count: g.count()}
	if t.Path == t.Label {
		t.Path = ""
	}
	slices.SortFunc(g.blocks.all, func(a, b *block) int {
		if order := a.start.Compare(b.start); order != 0 {
			return order
		}
		return inOrder(a.run, b.run)
	})
	var l lanes
	for _, class := range classes {
		for _, b := range g.blocks.all {
			if class == "" || b.class == class {
				start, end := s.drawn(b)
				t.Bars = append(t.Bars, s.bar(b, g.label, l.lane(start, end)))
			}
		}
		l.begin = len(l.ends)
	}
	t.Style = template.CSS(fmt.Sprintf("--lanes:%d", len(l.ends)))
	return t, len(l.ends)
}

// lanes are where bars stand that overlap, by when each is free again.
type lanes struct {
	ends  []time.Time
	begin int // the first that may be used
}

// lane is the first that is free.
func (l *lanes) lane(start, end time.Time) int {
	i := slices.IndexFunc(l.ends[l.begin:], func(e time.Time) bool { return !e.After(start) })
	if i < 0 {
		l.ends = append(l.ends, end)
		return len(l.ends) - 1
	}
	l.ends[l.begin+i] = end
	return l.begin + i
}

// drawn is the time that a block takes up in its lane, and a gap behind it.
func (s scale) drawn(b *block) (start, end time.Time) {
	least, before := narrowest, 0
	if b.isMark() {
		least, before = markWidth, markWidth/2
	}
	if b.class == "running" {
		least += markWidth // for what says that it goes on
	}
	start = b.start.Add(-s.inTime(before))
	gap := s.inTime(1)
	if b.n > 1 && !b.isMark() {
		gap = -gap // the next ones may follow without one
	}
	end = b.start.Add(max(b.end.Sub(b.start), s.inTime(least))).Add(gap)
	return start, end
}

// isMark reports whether a block is drawn as a mark about its time.
func (b *block) isMark() bool { return b.class == "skipped" || b.class == "error" }

func (s scale) bar(b *block, label string, lane int) bar {
	drawn := bar{Class: b.class, Facts: b.facts(label)}
	start, end := s.inside(b.start), s.inside(b.end)
	all := end.Sub(start)
	drawn.Style = template.CSS(fmt.Sprintf("left:%s;width:%s", percent(s.at(start)), percent(float64(all)/float64(s.span))))
	if lane > 0 {
		drawn.Style += template.CSS(fmt.Sprintf(";--lane:%d", lane))
	}
	if b.n > 1 {
		drawn.Class += " many"
		return drawn
	}
	waited := s.inside(b.start.Add(b.run.Waited)).Sub(start)
	if b.class != "skipped" && (b.run.Held > 0 || waited >= s.inTime(narrowest)) && waited > 0 && all > 0 { // no hatching over a mark
		drawn.Wait = template.CSS("width:" + percent(float64(waited)/float64(all)))
	}
	return drawn
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
