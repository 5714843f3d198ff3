package main

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
)

// steps are the distances between ticks, those below a day.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// ticks are at round times of the local clock.
func (s scale) ticks() []tick {
	least := s.inTime(tickWidth)
	i := slices.IndexFunc(steps, func(step time.Duration) bool { return step >= least })
	from := s.from.Local()
	midnight := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, time.Local)
	first, next := midnight, func(t time.Time) time.Time { return t.AddDate(0, 0, int(math.Ceil(least.Hours()/24))) }
	if i >= 0 {
		first = from.Add(-sinceRound(from, steps[i]))
		next = func(t time.Time) time.Time { return nextRound(t, steps[i]) }
	}
	var ticks []tick
	for t := first; t.Before(s.from.Add(s.span)); t = next(t) {
		if !t.Before(s.from) {
			ticks = append(ticks, s.tick(t, i, len(ticks) == 0))
		}
	}
	return ticks
}

// clock is what the local clock shows, as the time since midnight would be if
// it were never changed.
func clock(t time.Time) time.Duration {
	h, m, s := t.Local().Clock()
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second + time.Duration(t.Nanosecond())
}

// sinceRound is by how much the local clock is past a multiple of a step, which
// is a part of a day.
func sinceRound(t time.Time, step time.Duration) time.Duration { return clock(t) % step }

// nextRound is the next time at which the local clock shows a multiple of a
// step. When the clock is changed that is not a step later: of the two hours
// that a step of six lasts more or less, it takes those that lead to such a
// time.
func nextRound(t time.Time, step time.Duration) time.Time {
	next := t.Add(step)
	past := sinceRound(next, step)
	if early := next.Add(-past); early.After(t) && sinceRound(early, step) == 0 {
		return early
	}
	late := next.Add(step - past)
	return late.Add(-sinceRound(late, step))
}

// tick is the mark at a time, i the index of the step, or -1 if that is days.
func (s scale) tick(t time.Time, i int, first bool) tick {
	isNewDay := clock(t) == 0
	layout := "15:04"
	switch {
	case i < 0:
		layout = "2 Jan 2006"
	case steps[i] < time.Minute && (isNewDay || first):
		layout = "2 Jan 15:04:05"
	case isNewDay || first:
		layout = "Mon 2 Jan 15:04"
	case steps[i] < time.Minute:
		layout = "15:04:05"
	}
	return tick{Label: t.Local().Format(layout), Major: isNewDay, Style: template.CSS("left:" + percent(s.at(t)))}
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
