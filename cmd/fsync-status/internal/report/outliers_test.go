package report

import (
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/journal"
)

// A run that is far in time from all others is left out of the chart.
func TestOutliers(t *testing.T) {
	t.Parallel()
	night := func(n int) (runs []journal.Run) {
		for i := range n {
			runs = append(runs, ranAt(made.Add(-time.Duration(i)*time.Hour), time.Minute))
		}
		return runs
	}
	at := func(years, days int) journal.Run { return ranAt(made.AddDate(years, 0, days), time.Minute) }
	years := func(from, to int) (runs []journal.Run) {
		for year := from; year <= to; year++ {
			runs = append(runs, at(year, 0))
		}
		return runs
	}
	for name, c := range map[string]struct {
		runs  []journal.Run
		apart int
	}{
		"none":                     {night(10), 0},
		"1970":                     {append(night(10), at(-56, 0)), 1},
		"1970, of few":             {append(night(2), at(-56, 0)), 1},
		"one and one":              {append(night(1), at(-56, 0)), 0},
		"1970, 1971 and 2150":      {append(night(30), at(-56, 0), at(-55, 0), at(124, 0)), 3},
		"months before":            {append(night(100), at(0, -200)), 1},
		"days before":              {append(night(100), at(0, -7)), 0},
		"two nights a month apart": {append(night(10), append([]journal.Run{at(0, -30)}, at(0, -30))...), 0},
		"after 16 years of runs":   {append(years(-20, -4), at(0, 0)), 0},
		"nothing":                  {nil, 0},
	} {
		groups := collected(Interval{}, c.runs...).allLocks()
		apart := removeOutliers(groups)
		left := 0
		for _, g := range groups {
			left += len(g.buckets.all)
		}
		if len(apart) != c.apart || left != len(c.runs)-c.apart {
			t.Errorf("%s: %d apart, %d left", name, len(apart), left)
		}
	}
	page := collected(Interval{}, append(night(10), at(-56, 0))...).page(nil, made)
	if len(page.Outliers) != 1 || !strings.Contains(page.Outliers[0], "/l.lock: ran\n1970-03-14") || !strings.Contains(page.From, "2026") || page.Summary[0].Runs != 11 {
		t.Errorf("%q, from %s: %+v", page.Outliers, page.From, page.Summary)
	}
}
