package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
)

// An Interval is the time of a report. A zero time is no bound.
type Interval struct{ Since, Until time.Time }

// overlaps reports whether the interval overlaps with the time from start to end.
func (i Interval) overlaps(start, end time.Time) bool {
	return (i.Since.IsZero() || !end.Before(i.Since)) && (i.Until.IsZero() || !start.After(i.Until))
}

// IsEmpty reports whether the interval ends before it begins.
func (i Interval) IsEmpty() bool {
	return !i.Since.IsZero() && !i.Until.IsZero() && i.Until.Before(i.Since)
}

// String describes the interval; it is empty for an interval without bounds.
func (i Interval) String() string {
	var parts []string
	if !i.Since.IsZero() {
		parts = append(parts, "since "+i.Since.Local().Format(toTheSecond))
	}
	if !i.Until.IsZero() {
		parts = append(parts, "until "+i.Until.Local().Format(toTheSecond))
	}
	return strings.Join(parts, " and ")
}

// layouts are the forms of a time. A time without a zone is a local time.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

// ParseTime reads a time, or a duration before now: 90s, 15m, 2h, 3d or 1w, with
// or without "ago". A date means its midnight.
func ParseTime(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, layout := range layouts {
		t, err := time.ParseInLocation(layout, text, time.Local)
		if err == nil && !t.IsZero() { // a zero time would mean no bound
			return t, nil
		}
	}
	if d, ok := parseAgo(strings.TrimSpace(strings.TrimSuffix(text, "ago"))); ok {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-03-14, '2026-03-14 02:30', 2026-03-14T02:30:00Z or 2h", text)
}

// parseAgo reads a duration. Unlike [time.ParseDuration] it knows days and weeks.
func parseAgo(text string) (time.Duration, bool) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if text == "" || units[text[len(text)-1]] == 0 {
		return 0, false
	}
	n, err := cli.Number(strings.TrimSpace(text[:len(text)-1]))
	d := n * float64(units[text[len(text)-1]])
	if err != nil || d < 0 || d >= float64(200*365*24*time.Hour) {
		return 0, false
	}
	return time.Duration(d), true
}
