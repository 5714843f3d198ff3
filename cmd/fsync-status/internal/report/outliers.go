package report

import (
	"slices"
	"time"
)

// An outlier is a bucket that is far in time from all others: a run of 1970, or of a
// host whose clock was wrong.
type outlier struct {
	label string // of its lock
	*bucket
}

// removeOutliers removes the outliers from the locks, and returns them. In a chart that
// included them, the other runs would have no room.
func removeOutliers(locks []*lockRuns) (outliers []outlier) {
	var all []outlier
	runs := 0
	for _, l := range locks {
		for _, b := range l.buckets.all {
			all, runs = append(all, outlier{l.label, b}), runs+b.n
		}
	}
	slices.SortFunc(all, func(a, b outlier) int { return a.start.Compare(b.start) })
	first, last := 0, len(all) // the part that stays
	for {
		cut, before := findCut(all[first:last], runs)
		if cut == 0 {
			break
		}
		removed := all[first+cut : last]
		if before {
			removed = all[first : first+cut]
			first += cut
		} else {
			last = first + cut
		}
		for _, o := range removed {
			runs -= o.n
		}
	}
	outliers = append(all[:first:first], all[last:]...)
	isOutlier := map[*bucket]bool{}
	for _, o := range outliers {
		isOutlier[o.bucket] = true
	}
	for _, l := range locks {
		l.buckets.all = slices.DeleteFunc(l.buckets.all, func(b *bucket) bool { return isOutlier[b] })
	}
	return outliers
}

// findCut looks at the widest gap between the buckets, which are in the order of their
// start. If the runs on one side of it are outliers, it returns the index of the first
// bucket after the gap, and whether the outliers are before the gap. Otherwise it
// returns 0.
func findCut(all []outlier, runs int) (cut int, before bool) {
	var widest time.Duration
	var end, endBefore time.Time // of the runs so far, and of those before the gap
	count, countBefore := 0, 0   // the number of the same runs
	for i, o := range all {
		if gap := o.start.Sub(end); i > 0 && gap > widest {
			widest, cut, endBefore, countBefore = gap, i, end, count
		}
		if o.end.After(end) || i == 0 {
			end = o.end
		}
		count += o.n
	}
	if cut == 0 {
		return 0, false
	}
	few, many, rest := countBefore, runs-countBefore, end.Sub(all[cut].start)
	if before = few < many; !before {
		few, many, rest = many, few, endBefore.Sub(all[0].start)
	}
	if !areOutliers(few, many, widest, rest) {
		return 0, false
	}
	return cut, before
}

// areOutliers reports whether few runs are outliers. A gap separates them from many runs,
// which together lasted for the time rest. If the gap is of years, a clock was wrong.
// With a smaller gap, outliers must also be rare.
func areOutliers(few, many int, gap, rest time.Duration) bool {
	const day = 24 * time.Hour
	const year = 365 * day
	switch rest = min(max(rest, time.Hour), year); { // a gap of 20 years is always wide
	case few >= many || gap < 20*rest:
		return false
	case gap > 3*year:
		return true
	}
	return gap > day && few*20 <= many
}
