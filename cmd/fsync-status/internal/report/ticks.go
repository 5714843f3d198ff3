package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
)

// steps are the distances between two ticks that are shorter than a day. Greater distances
// are whole days.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// ticks returns ticks at round times of the local clock.
func (s scale) ticks() []tick {
	minStep := s.duration(minTick)
	i := slices.IndexFunc(steps, func(step time.Duration) bool { return step >= minStep })
	from := s.from.Local()
	first := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, time.Local)
	next := func(t time.Time) time.Time { return t.AddDate(0, 0, int(math.Ceil(minStep.Hours()/24))) }
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

// clock returns what the local clock shows, as a duration from 00:00.
func clock(t time.Time) time.Duration {
	h, m, s := t.Local().Clock()
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second + time.Duration(t.Nanosecond())
}

// sinceRound returns the time since the local clock showed a multiple of the step.
func sinceRound(t time.Time, step time.Duration) time.Duration { return clock(t) % step }

// nextRound returns the next time at which the local clock shows a multiple of the step.
// That is t+step, unless daylight saving time begins or ends in between. Then it is the
// last multiple before t+step, if that is after t, or else the first one after t+step.
func nextRound(t time.Time, step time.Duration) time.Time {
	next := t.Add(step)
	past := sinceRound(next, step)
	if early := next.Add(-past); early.After(t) && sinceRound(early, step) == 0 {
		return early
	}
	return next.Add(step - past)
}

// tick returns the tick at a time. i is the index of the step, or -1 for whole days.
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
	return tick{Label: t.Local().Format(layout), Major: isNewDay, Style: template.CSS("left:" + percent(s.position(t)))}
}

// zoneNames returns the names and offsets of the local zone at these times: two, if
// daylight saving time began or ended between them.
func zoneNames(times ...time.Time) string {
	var names []string
	for _, t := range times {
		name, offset := t.Local().Zone()
		if name != "UTC" {
			sign := '+'
			if offset < 0 {
				sign, offset = '-', -offset
			}
			name = fmt.Sprintf("%s (UTC%c%02d:%02d)", name, sign, offset/3600, offset/60%60)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", later ")
}
