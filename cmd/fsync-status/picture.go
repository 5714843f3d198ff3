package main

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/internal/term"
)

// A picture is what is shown of a look.
type picture struct {
	view   view     // the busy entries first
	labels []string // what these are called
	above  []int    // how many rows are above each entry's; and how many there are
	foot   string
	errs   []error
}

func (l *look) picture(deadlocks []fsync.Deadlock, all bool) *picture {
	p := &picture{view: l.view(deadlocks), errs: l.errs, above: []int{0}}
	p.view.all = all
	var busy int
	p.labels, busy = p.view.busyFirst(l.labels)
	for i, t := range p.view.Entries {
		p.above = append(p.above, p.above[i]+t.numRows(p.view))
	}
	p.foot = fmt.Sprintf("%d of %d busy", busy, len(p.view.Entries))
	if len(l.dirs) > 0 {
		p.foot += " in " + l.where()
	}
	return p
}

// A place is how many lines and columns of a picture are scrolled away.
type place struct{ line, column int }

// A frame is what is on a screen of a picture.
type frame struct {
	lines []string
	at    place // where it is: no farther than there is something to see
	page  int   // how many lines there is room for
}

// frame draws a part of the picture: what is wrong, then the table, whose head
// stays, and at the end what there is in all, and what of it is cut.
func (p *picture) frame(now time.Time, c style, width, height int, at place) frame {
	alarms := p.alarms(c)
	total := len(alarms) + p.above[len(p.above)-1]
	f := frame{page: max(height-3, 0)} // the head, a gap and the foot
	lines, wide := p.part(now, c, alarms, place{clamp(at.line, total-f.page), 0}, f.page)
	if total > f.page || wide > width { // one line more says so
		f.page = max(height-4, 0)
		lines, wide = p.part(now, c, alarms, place{clamp(at.line, total-f.page), 0}, f.page)
	}
	f.at = place{clamp(at.line, total-f.page), clamp(at.column, wide-width)}
	for _, line := range lines {
		f.lines = append(f.lines, styled(c.fit(cutCells(line.text, f.at.column), width), line.look, c))
	}
	f.lines = append(f.lines, "")
	for _, line := range p.end(f, total, wide, width, c) {
		f.lines = append(f.lines, styled(line, c.idle, c))
	}
	f.lines = f.lines[max(len(f.lines)-height, 0):]
	return f
}

func clamp(n, most int) int { return max(min(n, most), 0) }

// end are the lines at the end of a frame.
func (p *picture) end(f frame, total, wide, width int, c style) []string {
	foot := c.clean(p.foot)
	if total <= f.page && wide <= width {
		return []string{c.fit(foot+"; q ends", width)}
	}
	rows, columns, short := "", "", ""
	if total > f.page {
		last := min(f.at.line+f.page, total)
		first := min(f.at.line+1, last)
		rows = fmt.Sprintf("lines %d-%d of %d", first, last, total)
		short = fmt.Sprintf("%d-%d/%d ", first, last, total)
	}
	if wide > width {
		columns = fmt.Sprintf("columns %d-%d of %d", f.at.column+1, min(f.at.column+width, wide), wide)
		short += fmt.Sprintf("%d-%d/%d ", f.at.column+1, min(f.at.column+width, wide), wide)
	}
	cut := strings.TrimPrefix(rows+", "+columns, ", ")
	cut = strings.TrimSuffix(cut, ", ")
	for _, line := range []string{cut + "; arrows or hjkl, PgUp and PgDn scroll; q ends", cut + "; hjkl scroll; q ends", short + "hjkl; q ends", short + "hjkl q"} {
		if len(line) <= width {
			return []string{c.fit(foot, width), line}
		}
	}
	return []string{c.fit(foot, width), c.fit(strings.TrimSpace(short), width)}
}

// alarms are the lines that say what is wrong.
func (p *picture) alarms(c style) (lines []line) {
	for _, d := range p.view.Deadlocks {
		for _, text := range d.lines(c) {
			lines = append(lines, line{text, c.bad})
		}
	}
	for _, err := range p.errs {
		lines = append(lines, line{c.clean(err.Error()), c.bad})
	}
	if lines != nil {
		lines = append(lines, line{})
	}
	return lines
}

// part are n lines of alarms and rows, besides the head of the table, and how
// wide the widest of them is. Only these are laid out: there may be thousands.
func (p *picture) part(now time.Time, c style, alarms []line, at place, n int) (lines []line, wide int) {
	lines = alarms[min(at.line, len(alarms)):]
	lines = lines[:min(len(lines), n):min(len(lines), n)]
	lines = append(lines, p.table(now, c, max(at.line-len(alarms), 0), n-len(lines))...)
	for _, line := range lines {
		wide = max(wide, term.Cells(line.text))
	}
	return lines, wide
}

// table is the head of the table, and n rows of it.
func (p *picture) table(now time.Time, c style, from, n int) []line {
	v := p.view
	v.Time = now
	i := sort.SearchInts(p.above, from+1) - 1 // the entry that the first row is of
	var rows []row
	for skip := from - p.above[i]; i < len(v.Entries) && len(rows) < n; i++ {
		all := v.Entries[i].rows(p.labels[i], v, c)
		if skip > 0 { // its name and state stay
			copy(all[skip].cells[:columnRole], all[0].cells[:columnRole])
		}
		rows = append(rows, all[skip:]...)
		skip = 0
	}
	return layOut(rows[:min(len(rows), max(n, 0))], c, 0)
}

// cutCells takes away the first cells of a text.
func cutCells(text string, n int) string {
	for i, r := range text {
		if n <= 0 {
			return text[i:]
		}
		n -= term.Cells(string(r))
	}
	return ""
}
