package report

import (
	"testing"
	"time"

	"github.com/fsync-lock/fsync/journal"
)

// A run counts if a part of it is in the interval.
func TestWithin(t *testing.T) {
	t.Parallel()
	hour := func(h int) time.Time { return made.Add(time.Duration(h) * time.Hour) }
	runs := []journal.Run{ranAt(hour(-9), time.Hour), ranAt(hour(-7), 2*time.Hour), ranAt(hour(-4), time.Hour), ranAt(hour(-2), time.Hour), ranAt(hour(-2).Add(time.Second), time.Hour)}
	for _, c := range []struct {
		within Interval
		want   int
	}{
		{Interval{}, 5}, {Interval{Since: hour(-6)}, 4}, {Interval{Until: hour(-6)}, 2}, {Interval{Since: hour(-6), Until: hour(-2)}, 3},
		{Interval{Since: hour(-1)}, 2}, {Interval{Since: hour(9)}, 0},
	} {
		all := collected(c.within, runs...)
		if all.total.Runs != c.want {
			t.Errorf("%v: %d runs, want %d", c.within, all.total.Runs, c.want)
		}
		page := all.page(nil, made)
		if c.want == 3 && page.From != hour(-6).Local().Format(toTheMinute) {
			t.Errorf("the chart is from %s", page.From)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 14, 8, 0, 0, 0, time.Local)
	for text, want := range map[string]time.Time{
		"2026-03-14T02:30:00Z":      time.Date(2026, 3, 14, 2, 30, 0, 0, time.UTC),
		"2026-03-14T02:30:00+01:00": time.Date(2026, 3, 14, 1, 30, 0, 0, time.UTC),
		"2026-03-14 02:30:00+01:00": time.Date(2026, 3, 14, 1, 30, 0, 0, time.UTC),
		"2026-03-14":                time.Date(2026, 3, 14, 0, 0, 0, 0, time.Local),
		"2026-03-13 02:30":          time.Date(2026, 3, 13, 2, 30, 0, 0, time.Local),
		"2026-03-13T02:30:15":       time.Date(2026, 3, 13, 2, 30, 15, 0, time.Local),
		"2h":                        now.Add(-2 * time.Hour),
		"2h ago":                    now.Add(-2 * time.Hour),
		"1.5 d ago":                 now.Add(-36 * time.Hour),
		"1w":                        now.Add(-7 * 24 * time.Hour),
		"90s":                       now.Add(-90 * time.Second),
		"0m":                        now,
	} {
		if got, err := ParseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "ago", "h", "2", "-2h", "2y", "NaNh", "1e99h", "infd", "2026-13-01", "noon", "14.3.2026", "1_0h", "0x1p4h", "0001-01-01T00:00:00Z"} {
		if got, err := ParseTime(text, now); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
