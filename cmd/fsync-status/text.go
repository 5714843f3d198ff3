package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// cells is how many cells of a terminal a text takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += cellsOf(r)
	}
	return n
}

// cellsOf is 0 for what is drawn over the character before it, and 2 for wide
// characters: those that East Asian Width (Unicode's annex 11) calls so, in
// ranges that are a little generous.
func cellsOf(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf && r != 0x303f, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6,
		r >= 0x1f300 && r <= 0x1f64f, r >= 0x1f680 && r <= 0x1f6ff, r >= 0x1f900 && r <= 0x1f9ff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// fit shortens a text to n cells. An ellipsis at its end says so.
func fit(s string, n int) string {
	if len(s) <= n || cells(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	used := 0
	for i, r := range s {
		if used += cellsOf(r); used > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// pad makes a text as wide as n cells.
func pad(s string, n int) string {
	if len(s) != utf8.RuneCountInString(s) {
		return s + strings.Repeat(" ", max(n-cells(s), 0))
	}
	return s + strings.Repeat(" ", max(n-len(s), 0))
}

// span writes how long something takes in at most two units: 2m13s, 3d4h, 1h.
func span(d time.Duration) string {
	units := []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	for i, u := range units {
		if d < u.of {
			continue
		}
		text := fmt.Sprintf("%d%s", d/u.of, u.name)
		if i+1 < len(units) && d%u.of/units[i+1].of > 0 {
			text += fmt.Sprintf("%d%s", d%u.of/units[i+1].of, units[i+1].name)
		}
		return text
	}
	if d < 0 {
		return "" // clocks disagree
	}
	return "0s"
}
