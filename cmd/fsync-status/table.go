package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/printable"
)

// A style is how things are written: the colours of parts of the table, which
// are empty where there are none, and whether there may be nothing but ASCII.
type style struct {
	head, busy, idle, wait, bad, off string
	ascii                            bool
}

// styleOf returns the style. What colours say stands there in words, too.
func styleOf(coloured bool) style {
	s := style{ascii: !term.UTF8()}
	if coloured {
		s.head, s.busy, s.idle, s.wait, s.bad, s.off = "\x1b[1m", "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[31m", "\x1b[m"
	}
	return s
}

// clean makes a text fit to be shown.
func (s style) clean(text string) string {
	if text = printable.Text(text); s.ascii {
		text = term.ASCII(text)
	}
	return text
}

// fitEnd keeps the end of a text that is clean: that of a path tells more than
// its beginning.
func (s style) fitEnd(text string, n int) string {
	if term.Cells(text) <= n {
		return text
	}
	backwards := func(text string) string {
		runes := []rune(text)
		slices.Reverse(runes)
		return string(runes)
	}
	return backwards(s.fit(backwards(text), n))
}

// fit shortens a text, which is clean, to n cells.
func (s style) fit(text string, n int) string {
	if s.ascii {
		return term.FitASCII(text, n)
	}
	return term.Fit(text, n)
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

// A line is text that is clean, and how it looks.
type line struct{ text, look string }

// lines are the table and below it the deadlocks, cut to a width unless that
// is 0.
func (v view) lines(labels []string, c style, width int) (lines []string) {
	var rows []row
	for i, t := range v.Entries {
		rows = append(rows, t.rows(labels[i], v, c)...)
	}
	all := layOut(rows, c, width)
	for _, d := range v.Deadlocks {
		all = append(all, line{})
		for _, text := range d.lines(c) {
			all = append(all, line{text, c.bad})
		}
	}
	for _, line := range all {
		if width > 0 {
			line.text = c.fit(line.text, width)
		}
		lines = append(lines, styled(line.text, line.look, c))
	}
	return lines
}

// rows has one for the thing, in which its first process stands, and one for
// each other process; and for what else is on its file.
func (t thing) rows(label string, v view, c style) []row {
	first := row{look: c.idle}
	first.cells[columnKind], first.cells[columnName], first.cells[columnState] = string(t.Kind), shellWord(label), t.shownState()
	if t.State != free && t.State != clear_ {
		first.look = c.busy
	}
	switch {
	case t.Error != "":
		first.cells[columnCommand], first.look = t.Error, c.bad
	case t.State == unknown:
		first.cells[columnCommand] = t.Unknown
	}
	rows := []row{first}
	add := func(role, look string) *row {
		r := &rows[0]
		if r.cells[columnRole] != "" || r.cells[columnCommand] != "" {
			rows = append(rows, row{})
			r = &rows[len(rows)-1]
		}
		r.cells[columnRole], r.look = role, look
		return r
	}
	for _, p := range t.Holders {
		switch {
		case !p.inherited:
			p.fill(add("holds", c.busy), v)
		case v.all:
			p.fill(add("shares it", c.busy), v)
		}
	}
	if t.State != unknown && t.Unknown != "" {
		add("perhaps more", c.idle).cells[columnCommand] = t.Unknown
	}
	if t.SetBy != nil {
		t.SetBy.fill(add("set it", c.busy), v)
	}
	for _, p := range t.Waiters {
		p.fill(add("waits", c.wait), v)
	}
	for _, p := range t.Recorded {
		add("record", c.idle).cells[columnCommand] = p.about
	}
	for _, p := range t.Posix {
		p.fillWith(add("POSIX lock", c.idle), p.about, v)
	}
	return rows
}

// numRows is how many rows it has.
func (t thing) numRows(v view) int { return len(t.rows("", v, style{})) }

func (t thing) shownState() string {
	if t.SlotsUsed != nil && t.State != unknown {
		return fmt.Sprintf("%d of %d", *t.SlotsUsed, t.Slots)
	}
	return string(t.State)
}

func (p process) fill(r *row, v view) {
	command := p.Command
	if p.Note != "" {
		command += " (" + p.Note + ")"
	}
	if p.others > 0 && !v.all {
		command += " (+" + others(p.others) + ")"
	}
	p.fillWith(r, strings.TrimSpace(command+p.nested()), v)
	if !p.Since.IsZero() {
		r.cells[columnFor] = span(v.Time.Sub(p.Since).Round(time.Second))
	}
}

// nested says that a process waits for what its ancestor holds, or what it has
// inherited.
func (p process) nested() string {
	for _, pid := range p.Nested {
		if pid != p.PID {
			return fmt.Sprintf(" (its ancestor, pid %d, holds it)", pid)
		}
	}
	if len(p.Nested) > 0 {
		return " (it inherited the lock itself)"
	}
	return ""
}

// fillWith fills in who the process is, and a text about it.
func (p process) fillWith(r *row, text string, v view) {
	r.cells[columnUser], r.cells[columnCommand] = p.User, text
	if p.PID > 0 {
		r.cells[columnPID] = fmt.Sprint(p.PID)
	}
	if p.Host != v.Host {
		r.cells[columnHost] = p.Host
	}
}

// layOut writes rows below heads. Columns that are empty are left out, and so
// is the host if all are on this one. For a terminal of that width names are
// cut to half of it.
func layOut(rows []row, c style, width int) (lines []line) {
	if len(rows) == 0 {
		return nil
	}
	var widths [numColumns]int
	for i := range rows {
		for j, cell := range rows[i].cells {
			rows[i].cells[j] = c.clean(cell)
			widths[j] = max(widths[j], term.Cells(rows[i].cells[j]))
		}
	}
	for j, w := range widths {
		if w > 0 {
			widths[j] = max(w, len(heads[j]))
		}
	}
	if width > 0 {
		widths[columnName] = min(widths[columnName], max(width/2, 12))
	}
	for _, r := range append([]row{{heads, c.head}}, rows...) {
		lines = append(lines, line{r.text(widths, c), r.look})
	}
	return lines
}

func (r row) text(widths [numColumns]int, c style) string {
	var b strings.Builder
	for j, cell := range r.cells {
		if widths[j] > 0 {
			b.WriteString(pad(c.fitEnd(cell, widths[j]), widths[j]+2))
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func styled(text, look string, c style) string {
	if look == "" || text == "" {
		return text
	}
	return look + text + c.off
}

// lines spells a deadlock out.
func (d deadlock) lines(c style) []string {
	if len(d.Links) == 1 {
		return d.Links[0].nested(c)
	}
	lines := []string{fmt.Sprintf("deadlock: %d processes wait for each other", len(d.Links))}
	for i, l := range d.Links {
		holds := d.Links[(i+len(d.Links)-1)%len(d.Links)]
		lines = append(lines, c.clean(fmt.Sprintf("  %s holds %s and waits for %s", l.who(c), holds.target(), l.target())))
	}
	return lines
}

// nested spells out that a process waits for what its ancestor holds.
func (l link) nested(c style) []string {
	holder := fmt.Sprintf("its own ancestor, pid %d, holds", l.HeldBy)
	if l.HeldBy == l.PID {
		holder = "it inherited itself"
	}
	return []string{
		"deadlock: a process waits for its own ancestor",
		c.clean(fmt.Sprintf("  %s waits for %s, which %s", l.who(c), l.target(), holder)),
	}
}

func (l link) who(c style) string {
	who := fmt.Sprintf("pid %d", l.PID)
	if l.Command != "" {
		who += " (" + c.fit(c.clean(l.Command), 60) + ")"
	}
	return who
}

func (l link) target() string {
	name := l.Name
	if name == "" {
		name = filepath.Base(l.WaitsFor)
	}
	return string(l.Kind) + " " + name
}

// isBusy reports whether it is held, perhaps, or set, or waited for.
func (t thing) isBusy() bool { return t.State != free && t.State != clear_ || len(t.Waiters) > 0 }

// busyFirst puts what is held, set or waited for before the rest, and each in
// the order of names as it was. It returns how many are busy.
func (v *view) busyFirst(labels []string) (sorted []string, busy int) {
	order := make([]int, len(v.Entries))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := v.Entries[a].isBusy(), v.Entries[b].isBusy(); {
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
		if v.Entries[j].isBusy() {
			busy++
		}
	}
	v.Entries = entries
	return sorted, busy
}

func others(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}
