package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An interval is what --since and --until ask for. The zero time is no bound.
type interval struct{ since, until time.Time }

// has reports whether some of what lasted from start to end is in the interval.
func (p interval) has(start, end time.Time) bool {
	return (p.since.IsZero() || !end.Before(p.since)) && (p.until.IsZero() || !start.After(p.until))
}

func (p interval) isEmpty() bool {
	return !p.since.IsZero() && !p.until.IsZero() && p.until.Before(p.since)
}

// String says in words what the interval is; empty if it is not bounded.
func (p interval) String() string {
	var parts []string
	if !p.since.IsZero() {
		parts = append(parts, "since "+p.since.Local().Format(toTheSecond))
	}
	if !p.until.IsZero() {
		parts = append(parts, "until "+p.until.Local().Format(toTheSecond))
	}
	return strings.Join(parts, " and ")
}

// layouts are how a time may be written. Without a zone it is a local one.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

// parseTime reads a time, or how long ago it was: 90s, 15m, 2h, 3d or 1w, with
// or without "ago". A date is its midnight.
func parseTime(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	if d, ok := parseAgo(strings.TrimSpace(strings.TrimSuffix(text, "ago"))); ok {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-03-14, '2026-03-14 02:30', 2026-03-14T02:30:00Z or 2h", text)
}

func parseAgo(text string) (time.Duration, bool) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if text == "" || units[text[len(text)-1]] == 0 {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(text[:len(text)-1]), 64)
	d := n * float64(units[text[len(text)-1]])
	return time.Duration(d), err == nil && d >= 0 && d < float64(200*365*24*time.Hour)
}
