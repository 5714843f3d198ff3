package main

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/plain"
	"github.com/fsync-lock/fsync/journal"
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

// A bar is one run, drawn to scale: what it waited for the lock, and what it
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

func newChart(groups []*group, from, to time.Time) chart {
	s := newScale(groups, from, to)
	c := chart{Style: template.CSS(fmt.Sprintf("--width:%dpx", s.width)), Ticks: s.ticks()}
	for _, g := range groups {
		c.Timelines = append(c.Timelines, s.timeline(g))
	}
	return c
}

// A scale says where a time is.
type scale struct {
	from  time.Time
	span  time.Duration
	width int
}

// newScale makes room for the runs, and some at both ends.
func newScale(groups []*group, from, to time.Time) scale {
	margin := max(to.Sub(from)/50, time.Second)
	s := scale{from: from.Add(-margin), span: to.Sub(from) + 2*margin}
	var times []time.Duration
	for _, g := range groups {
		for _, r := range g.runs {
			if d := r.Waited + r.Held; d > 0 {
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

func percent(x float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.5f", 100*x), "0"), ".") + "%"
}

func (s scale) timeline(g *group) timeline {
	t := timeline{Label: g.label, Path: g.path, Count: plural(len(g.runs), "run")}
	if t.Path == t.Label {
		t.Path = ""
	}
	var ends []time.Time // of the lanes
	for _, r := range g.runs {
		start, end := s.drawn(r)
		lane := slices.IndexFunc(ends, func(e time.Time) bool { return !e.After(start) })
		if lane < 0 {
			lane, ends = len(ends), append(ends, end)
		}
		ends[lane] = end
		t.Bars = append(t.Bars, s.bar(r, lane))
	}
	t.Style = template.CSS(fmt.Sprintf("--lanes:%d", len(ends)))
	return t
}

// drawn is the time that a run takes up in its lane, and a gap behind it.
func (s scale) drawn(r journal.Run) (start, end time.Time) {
	least, before := narrowest, 0
	switch class(r) {
	case "skipped", "error":
		least, before = markWidth, markWidth/2
	}
	start = r.Start.Add(-s.inTime(before))
	end = r.Start.Add(max(r.Waited+r.Held, s.inTime(least))).Add(s.inTime(1))
	return start, end
}

func (s scale) bar(r journal.Run, lane int) bar {
	b := bar{Class: class(r), Facts: facts(r)}
	all := r.Waited + r.Held
	b.Style = template.CSS(fmt.Sprintf("left:%s;width:%s", percent(s.at(r.Start)), percent(float64(all)/float64(s.span))))
	if lane > 0 {
		b.Style += template.CSS(fmt.Sprintf(";--lane:%d", lane))
	}
	if b.Class != "skipped" && (r.Held > 0 || r.Waited >= s.inTime(narrowest)) && r.Waited > 0 { // no hatching over a mark
		b.Wait = template.CSS("width:" + percent(float64(r.Waited)/float64(all)))
	}
	return b
}

// noticed is a wait that was one: to find a lock free takes time, too.
const noticed = 10 * time.Millisecond

// facts are what is to be known about a run, in lines.
func facts(r journal.Run) string {
	lines := []string{plain.Harmless(cmp.Or(r.Name, r.Lock)) + ": " + what(r)}
	times := r.Start.Local().Format("2006-01-02 15:04:05")
	if all := r.Waited + r.Held; all > 0 {
		times += " to " + endOf(r).Local().Format("15:04:05")
	}
	if r.Waited >= noticed {
		times += ", waited " + exactly(r.Waited)
	}
	if r.Held > 0 {
		times += ", held " + exactly(r.Held)
	}
	lines = append(lines, times)
	if len(r.Command) > 0 {
		lines = append(lines, commandOf(r))
	}
	if r.Reason != "" {
		lines = append(lines, term.Fit(plain.Harmless(r.Reason), 300))
	}
	var who []string
	if r.PID > 0 {
		who = append(who, fmt.Sprintf("pid %d", r.PID))
	}
	if r.User != "" {
		who = append(who, "of "+plain.Harmless(r.User))
	}
	if r.Host != "" {
		who = append(who, "on "+plain.Harmless(r.Host))
	}
	if who != nil {
		lines = append(lines, strings.Join(who, " "))
	}
	return strings.Join(lines, "\n")
}

// steps are the distances between ticks, those below a day.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// ticks are at round times of the local clock.
func (s scale) ticks() []tick {
	least := s.inTime(tickWidth)
	from := s.from.Local()
	day := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, time.Local)
	i := slices.IndexFunc(steps, func(step time.Duration) bool { return step >= least })
	next := func(t time.Time) time.Time { return t.Add(steps[i]) }
	if i < 0 {
		days := int(math.Ceil(least.Hours() / 24))
		next = func(t time.Time) time.Time { return t.AddDate(0, 0, days) }
	} else if skipped := s.from.Sub(day) / steps[i]; skipped > 0 {
		day = day.Add(skipped * steps[i])
	}
	var ticks []tick
	for t := day; t.Before(s.from.Add(s.span)); t = next(t) {
		if t.Before(s.from) {
			continue
		}
		l := t.Local()
		major := l.Hour() == 0 && l.Minute() == 0 && l.Second() == 0
		layout := "15:04"
		switch {
		case major || len(ticks) == 0:
			layout = "Mon 2 Jan 15:04"
			switch {
			case i < 0:
				layout = "2 Jan 2006"
			case steps[i] < time.Minute:
				layout = "2 Jan 15:04:05"
			}
		case i >= 0 && steps[i] < time.Minute:
			layout = "15:04:05"
		}
		ticks = append(ticks, tick{Label: l.Format(layout), Major: major, Style: template.CSS("left:" + percent(s.at(t)))})
	}
	return ticks
}

// zone says what the times are in: the local zone, by its names and offsets.
func zone(times ...time.Time) string {
	var zones []string
	for _, t := range times {
		name, offset := t.Local().Zone()
		z := name
		if name != "UTC" {
			sign := '+'
			if offset < 0 {
				sign, offset = '-', -offset
			}
			z = fmt.Sprintf("%s (UTC%c%02d:%02d)", name, sign, offset/3600, offset/60%60)
		}
		if !slices.Contains(zones, z) {
			zones = append(zones, z)
		}
	}
	return strings.Join(zones, ", later ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
