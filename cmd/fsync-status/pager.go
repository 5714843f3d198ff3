package main

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/internal/term"
)

// A pager shows a snapshot on a screen that may be too small for it.
type pager struct {
	listing listing // with the busy items first
	starts  []int   // the first row of each item, and then the number of rows
	summary string
	errs    []error
}

func (s *snapshot) pager(deadlocks []fsync.Deadlock, all bool) *pager {
	p := &pager{listing: s.listing(deadlocks), errs: s.errs, starts: []int{0}}
	p.listing.all = all
	p.listing.sortBusyFirst()
	busy := 0
	for n, i := range p.listing.Entries {
		p.starts = append(p.starts, p.starts[n]+len(i.rows(p.listing)))
		if i.isBusy() {
			busy++
		}
	}
	p.summary = fmt.Sprintf("%d of %d busy", busy, len(p.listing.Entries))
	if len(s.dirs) > 0 {
		p.summary += " in " + s.where()
	}
	return p
}

// An offset is the number of lines and columns that are scrolled away.
type offset struct{ line, column int }

// A frame is one screen.
type frame struct {
	lines []string
	at    offset // of the frame; not beyond the end
	page  int    // the number of lines that scroll
}

// frame returns the screen at an offset. It has alerts, then the table, and then
// one or two lines with a summary and the part that is visible. The head of the
// table does not scroll.
func (p *pager) frame(now time.Time, s style, width, height int, at offset) frame {
	alerts := p.alerts(s)
	total := len(alerts) + p.starts[len(p.starts)-1]
	f := frame{page: max(height-3, 0)} // without the head, an empty line and the summary
	lines, wide := p.visible(now, s, alerts, clamp(at.line, total-f.page), f.page)
	if total > f.page || wide > width { // one line more says which part is visible
		f.page = max(height-4, 0)
		lines, wide = p.visible(now, s, alerts, clamp(at.line, total-f.page), f.page)
	}
	f.at = offset{clamp(at.line, total-f.page), clamp(at.column, wide-width)}
	for _, line := range lines {
		line.text = s.fit(cutCells(line.text, f.at.column), width)
		f.lines = append(f.lines, s.paint(line))
	}
	f.lines = append(f.lines, "")
	for _, text := range p.footer(f, total, wide, width, s) {
		f.lines = append(f.lines, s.paint(line{text, dim}))
	}
	f.lines = f.lines[max(len(f.lines)-height, 0):]
	return f
}

func clamp(n, most int) int { return max(min(n, most), 0) }

// footer returns the last lines of a frame. If not all is visible, the second line
// says which part is.
func (p *pager) footer(f frame, total, wide, width int, s style) []string {
	summary := s.clean(p.summary)
	var parts, short []string
	if total > f.page {
		last := min(f.at.line+f.page, total)
		first := min(f.at.line+1, last)
		parts = append(parts, fmt.Sprintf("lines %d-%d of %d", first, last, total))
		short = append(short, fmt.Sprintf("%d-%d/%d", first, last, total))
	}
	if wide > width {
		first, last := f.at.column+1, min(f.at.column+width, wide)
		parts = append(parts, fmt.Sprintf("columns %d-%d of %d", first, last, wide))
		short = append(short, fmt.Sprintf("%d-%d/%d", first, last, wide))
	}
	if parts == nil {
		return []string{s.fit(summary+"; q ends", width)}
	}
	long, brief := strings.Join(parts, ", "), strings.Join(short, " ")
	for _, text := range []string{long + "; arrows or hjkl, PgUp and PgDn scroll; q ends", long + "; hjkl scroll; q ends", brief + " hjkl; q ends", brief + " hjkl q"} {
		if len(text) <= width {
			return []string{s.fit(summary, width), text}
		}
	}
	return []string{s.fit(summary, width), s.fit(brief, width)}
}

// alerts returns lines for the deadlocks and the errors, and an empty line.
func (p *pager) alerts(s style) (lines []line) {
	for _, d := range p.listing.Deadlocks {
		lines = append(lines, d.lines(s)...)
	}
	for _, err := range p.errs {
		lines = append(lines, line{s.clean(err.Error()), red})
	}
	if lines != nil {
		lines = append(lines, line{})
	}
	return lines
}

// visible returns n lines of the alerts and the rows, beginning with line from, and the
// head of the table before the rows. It also returns the width of the widest line. It lays
// out only these rows, because there may be thousands.
func (p *pager) visible(now time.Time, s style, alerts []line, from, n int) (lines []line, wide int) {
	lines = alerts[min(from, len(alerts)):]
	lines = lines[:min(len(lines), n):min(len(lines), n)]
	lines = append(lines, p.table(now, s, max(from-len(alerts), 0), n-len(lines))...)
	for _, line := range lines {
		wide = max(wide, term.Cells(line.text))
	}
	return lines, wide
}

// table returns the head of the table and n rows.
func (p *pager) table(now time.Time, s style, from, n int) []line {
	l := p.listing
	l.Time = now
	i := sort.SearchInts(p.starts, from+1) - 1 // the item of the first row
	var rows []row
	for skip := from - p.starts[i]; i < len(l.Entries) && len(rows) < n; i++ {
		all := l.Entries[i].rows(l)
		if skip > 0 { // its first row is not visible, but its name is
			copy(all[skip].cells[:columnRole], all[0].cells[:columnRole])
		}
		rows = append(rows, all[skip:]...)
		skip = 0
	}
	return layOut(rows[:min(len(rows), max(n, 0))], s, 0)
}

// cutCells removes the first n cells of a text.
func cutCells(text string, n int) string {
	for i, r := range text {
		if n <= 0 {
			return text[i:]
		}
		n -= term.Cells(string(r))
	}
	return ""
}
