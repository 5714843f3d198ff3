package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/plain"
)

// colours are how parts of the table look on a terminal; the zero value is for
// where there are none.
type colours struct{ head, busy, idle, wait, bad, off string }

// palette returns the colours. What they say stands there in words, too.
func palette(wanted bool) colours {
	if !wanted {
		return colours{}
	}
	return colours{head: "\x1b[1m", busy: "\x1b[1m", idle: "\x1b[2m", wait: "\x1b[33m", bad: "\x1b[31m", off: "\x1b[m"}
}

// A row is a line of the table: its columns, and how it looks.
type row struct {
	cells [numColumns]string
	look  string
}

const (
	columnKind = iota
	columnName
	columnState
	columnRole
	columnPID
	columnUser
	columnHost
	columnFor
	columnCommand
	numColumns
)

var heads = [numColumns]string{"KIND", "NAME", "STATE", "", "PID", "USER", "HOST", "FOR", "COMMAND"}

// lines are the table and below it the deadlocks, cut to a width unless that
// is 0.
func (v view) lines(labels []string, c colours, width int) []string {
	var rows []row
	for i, t := range v.Entries {
		rows = append(rows, t.rows(labels[i], v, c)...)
	}
	lines := layOut(rows, c, width)
	for _, d := range v.Deadlocks {
		lines = append(lines, "")
		lines = append(lines, d.lines(c, width)...)
	}
	return lines
}

// rows has one for the thing, in which its first process stands, and one for
// each other process.
func (t thing) rows(label string, v view, c colours) []row {
	first := row{look: c.idle}
	first.cells[columnKind], first.cells[columnName], first.cells[columnState] = string(t.Kind), label, t.shownState()
	if t.State != free && t.State != clear_ {
		first.look = c.busy
	}
	if t.Error != "" {
		first.cells[columnCommand] = t.Error
		first.look = c.bad
	}
	rows := []row{first}
	add := func(p process, role, look string) {
		r := &rows[0]
		if r.cells[columnRole] != "" {
			rows = append(rows, row{})
			r = &rows[len(rows)-1]
		}
		r.look = look
		p.fill(r, role, v)
	}
	for _, p := range t.Holders {
		add(p, "holds", c.busy)
	}
	if t.SetBy != nil {
		add(*t.SetBy, "set it", c.busy)
	}
	for _, p := range t.Waiters {
		add(p, "waits", c.wait)
	}
	return rows
}

func (t thing) shownState() string {
	if t.SlotsUsed != nil {
		return fmt.Sprintf("%d of %d", *t.SlotsUsed, t.Slots)
	}
	return string(t.State)
}

func (p process) fill(r *row, role string, v view) {
	r.cells[columnRole], r.cells[columnUser], r.cells[columnCommand] = role, p.User, p.Command
	if p.PID > 0 {
		r.cells[columnPID] = fmt.Sprint(p.PID)
	}
	if p.Host != v.Host {
		r.cells[columnHost] = p.Host
	}
	if !p.Since.IsZero() {
		r.cells[columnFor] = span(v.Time.Sub(p.Since).Round(time.Second))
	}
	if p.Note != "" {
		r.cells[columnCommand] = strings.TrimSpace(p.Command + " (" + p.Note + ")")
	}
}

// layOut writes rows below heads. Columns that are empty are left out, and so
// is the host if all are on this one.
func layOut(rows []row, c colours, width int) []string {
	if len(rows) == 0 {
		return nil
	}
	var widths [numColumns]int
	for i := range rows {
		for j, cell := range rows[i].cells {
			rows[i].cells[j] = plain.Harmless(cell)
			widths[j] = max(widths[j], term.Cells(rows[i].cells[j]))
		}
	}
	for j, w := range widths {
		if w > 0 {
			widths[j] = max(w, len(heads[j]))
		}
	}
	if width > 0 {
		widths[columnName] = min(widths[columnName], max(width/3, 12))
	}
	lines := []string{row{heads, c.head}.line(widths, c, width)}
	for _, r := range rows {
		lines = append(lines, r.line(widths, c, width))
	}
	return lines
}

func (r row) line(widths [numColumns]int, c colours, width int) string {
	var b strings.Builder
	for j, cell := range r.cells {
		if widths[j] > 0 {
			b.WriteString(pad(term.Fit(cell, widths[j]), widths[j]+2))
		}
	}
	text := strings.TrimRight(b.String(), " ")
	if width > 0 {
		text = term.Fit(text, width)
	}
	return styled(text, r.look, c)
}

func styled(text, look string, c colours) string {
	if look == "" || text == "" {
		return text
	}
	return look + text + c.off
}

// lines spells a deadlock out.
func (d deadlock) lines(c colours, width int) []string {
	lines := []string{fmt.Sprintf("deadlock: %d processes wait for each other", len(d.Links))}
	for i, l := range d.Links {
		holds := d.Links[(i+len(d.Links)-1)%len(d.Links)]
		who := fmt.Sprintf("pid %d", l.PID)
		if l.Command != "" {
			who += " (" + term.Fit(plain.Harmless(l.Command), 60) + ")"
		}
		lines = append(lines, fmt.Sprintf("  %s holds %s and waits for %s", who, holds.target(), l.target()))
	}
	for i, line := range lines {
		if width > 0 {
			line = term.Fit(line, width)
		}
		lines[i] = styled(line, c.bad, c)
	}
	return lines
}

func (l link) target() string {
	name := l.Name
	if name == "" {
		name = filepath.Base(l.WaitsFor)
	}
	return string(l.Kind) + " " + plain.Harmless(name)
}

// busyFirst puts what is held, set or waited for before the rest, and each in
// the order of names as it was. It returns how many are busy.
func (v *view) busyFirst(labels []string) (sorted []string, busy int) {
	order := make([]int, len(v.Entries))
	for i := range order {
		order[i] = i
	}
	isBusy := func(t thing) bool { return t.State != free && t.State != clear_ || len(t.Waiters) > 0 }
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := isBusy(v.Entries[a]), isBusy(v.Entries[b]); {
		case x && !y:
			return -1
		case y && !x:
			return 1
		}
		return 0
	})
	entries := make([]thing, len(order))
	for i, j := range order {
		entries[i], sorted = v.Entries[j], append(sorted, labels[j])
		if isBusy(v.Entries[j]) {
			busy++
		}
	}
	v.Entries = entries
	return sorted, busy
}
