package main

import (
	"slices"
	"time"
)

// setApart takes the blocks out of groups that are so far from all others in
// time that these would have no room in the chart: a line of 1970, or of a
// clock that was ahead. It returns them with the labels of their groups.
func setApart(groups []*group) (apart []labelled) {
	var all []labelled
	runs := 0
	for _, g := range groups {
		for _, b := range g.blocks.all {
			all, runs = append(all, labelled{g.label, b}), runs+b.n
		}
	}
	slices.SortFunc(all, func(a, b labelled) int { return a.start.Compare(b.start) })
	for left, right := 0, len(all); ; {
		cut, first := widestGap(all[left:right], runs)
		if cut == 0 {
			apart = append(all[:left:left], all[right:]...)
			break
		}
		gone := all[left+cut : right]
		if first {
			gone = all[left : left+cut]
			left += cut
		} else {
			right = left + cut
		}
		for _, b := range gone {
			runs -= b.n
		}
	}
	if len(apart) > 0 {
		far := map[*block]bool{}
		for _, a := range apart {
			far[a.block] = true
		}
		for _, g := range groups {
			g.blocks.all = slices.DeleteFunc(g.blocks.all, func(b *block) bool { return far[b] })
		}
	}
	return apart
}

type labelled struct {
	label string
	*block
}

// widestGap finds where to cut off some blocks of all, which are in the order
// of their starts: those before index cut, which is 0 if none are to go, or
// those from there on.
func widestGap(all []labelled, runs int) (cut int, first bool) {
	var widest time.Duration
	var end, cutEnd time.Time // of what is before
	before, cutBefore := 0, 0
	for i, b := range all {
		if gap := b.start.Sub(end); i > 0 && gap > widest {
			widest, cut, cutEnd, cutBefore = gap, i, end, before
		}
		if b.end.After(end) || i == 0 {
			end = b.end
		}
		before += b.n
	}
	if cut == 0 {
		return 0, false
	}
	few, many, rest := cutBefore, runs-cutBefore, end.Sub(all[cut].start)
	if first = few < many; !first {
		few, many, rest = many, few, cutEnd.Sub(all[0].start)
	}
	if !isFar(widest, rest, few, many) {
		return 0, false
	}
	return cut, first
}

// isFar reports whether a few runs are set apart from many, which took the
// time rest, because of the gap between them. A few years after 1970 is no time
// at which anything ran; what is less far has to be rare.
func isFar(gap, rest time.Duration, few, many int) bool {
	const day = 24 * time.Hour
	switch rest = max(rest, time.Hour); {
	case few >= many || gap < 20*rest:
		return false
	case gap > 3*365*day:
		return true
	}
	return gap > day && few*20 <= many
}
