package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
)

// The columns of the table.
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

// A row is a row of the table before it is laid out.
type row struct {
	cells  [numColumns]string
	colour string
}

// lines returns the table and the deadlocks below it. Lines are cut to the width,
// unless that is 0.
func (l listing) lines(s style, width int) (lines []string) {
	var rows []row
	for _, i := range l.Entries {
		rows = append(rows, i.rows(l)...)
	}
	all := layOut(rows, s, width)
	for _, d := range l.Deadlocks {
		all = append(all, line{})
		all = append(all, d.lines(s)...)
	}
	for _, line := range all {
		if width > 0 {
			line.text = s.fit(line.text, width)
		}
		lines = append(lines, s.paint(line))
	}
	return lines
}

// rows returns a row for each process of an item, and for each record and POSIX lock in
// its file. The first row names the item. There is at least one row.
func (i item) rows(l listing) []row {
	var rows []row
	if i.Error != "" {
		rows = append(rows, row{colour: red})
		rows[0].cells[columnCommand] = i.Error
	} else if i.State == stateUnknown {
		rows = append(rows, remark("", i.Unknown, bold))
	}
	for _, p := range i.Holders {
		switch {
		case !p.inherited:
			rows = append(rows, p.row("holds", bold, l))
		case l.all:
			rows = append(rows, p.row("shares it", bold, l))
		}
	}
	if i.State != stateUnknown && i.Unknown != "" {
		rows = append(rows, remark("perhaps more", i.Unknown, dim))
	}
	if i.SetBy != nil {
		rows = append(rows, i.SetBy.row("set it", bold, l))
	}
	for _, p := range i.Waiters {
		rows = append(rows, p.row("waits", yellow, l))
	}
	for _, p := range i.Recorded {
		rows = append(rows, remark("record", p.about, dim))
	}
	for _, p := range i.Posix {
		rows = append(rows, p.row("POSIX lock", dim, l))
	}
	switch {
	case len(rows) > 0:
	case i.State == stateFree || i.State == stateClear:
		rows = []row{{colour: dim}}
	default:
		rows = []row{{colour: bold}}
	}
	rows[0].cells[columnKind], rows[0].cells[columnName], rows[0].cells[columnState] = string(i.Kind), shellWord(i.label), i.stateCell()
	return rows
}

func (i item) stateCell() string {
	if i.SlotsUsed != nil && i.State != stateUnknown {
		return fmt.Sprintf("%d of %d", *i.SlotsUsed, i.Slots)
	}
	return string(i.State)
}

// remark returns a row with a text instead of a process.
func remark(role, text, colour string) row {
	r := row{colour: colour}
	r.cells[columnRole], r.cells[columnCommand] = role, text
	return r
}

// row returns the row of a process: of a holder, a waiter, or the process that set
// an event.
func (p process) row(role, colour string, l listing) row {
	r := row{colour: colour}
	r.cells[columnRole], r.cells[columnUser], r.cells[columnCommand] = role, p.User, p.commandCell(l)
	if p.PID > 0 {
		r.cells[columnPID] = fmt.Sprint(p.PID)
	}
	if p.Host != l.Host {
		r.cells[columnHost] = p.Host
	}
	if !p.Since.IsZero() {
		r.cells[columnFor] = cli.Span(l.Time.Sub(p.Since).Round(time.Second))
	}
	return r
}

// commandCell returns the command of a process and, in parentheses, what else is
// known about the process.
func (p process) commandCell(l listing) string {
	if p.about != "" {
		return p.about
	}
	text := p.Command
	if p.Note != "" {
		text += " (" + p.Note + ")"
	}
	if p.heirs > 0 && !l.all {
		text += " (+" + cli.Plural(p.heirs, "process", "processes") + ")"
	}
	return strings.TrimSpace(text + p.nested())
}

// nested returns a text if the process waits for a lock that its ancestor holds, or that
// it inherited itself.
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

// layOut returns the head of the table and its rows, with columns of the same width
// in all lines. It leaves out empty columns. On a terminal of this width, a name takes at
// most half of it; 0 means no terminal.
//
// text/tabwriter cannot do this: it counts characters, not cells, and keeps empty
// columns.
func layOut(rows []row, s style, width int) (lines []line) {
	if len(rows) == 0 {
		return nil
	}
	var widths [numColumns]int
	for i := range rows {
		for j, cell := range rows[i].cells {
			rows[i].cells[j] = s.clean(cell)
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
	for _, r := range append([]row{{heads, bold}}, rows...) {
		lines = append(lines, line{r.text(widths, s), r.colour})
	}
	return lines
}

func (r row) text(widths [numColumns]int, s style) string {
	var b strings.Builder
	for j, cell := range r.cells {
		if widths[j] > 0 {
			b.WriteString(pad(s.fitEnd(cell, widths[j]), widths[j]+2))
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// lines describes a deadlock.
func (d deadlock) lines(s style) []line {
	lines := []line{{fmt.Sprintf("deadlock: %d processes wait for each other", len(d.Links)), red}}
	if len(d.Links) == 1 {
		lines[0].text = "deadlock: a process waits for its own ancestor"
	}
	for i, l := range d.Links {
		previous := d.Links[(i+len(d.Links)-1)%len(d.Links)]
		text := fmt.Sprintf("%s holds %s and waits for %s", l.process(s), previous.lock(), l.lock())
		if len(d.Links) == 1 {
			text = l.nested(s)
		}
		lines = append(lines, line{"  " + s.clean(text), red})
	}
	return lines
}

// nested describes a process that waits for a lock that its ancestor holds.
func (l link) nested(s style) string {
	holder := fmt.Sprintf("its own ancestor, pid %d, holds", l.HeldBy)
	if l.HeldBy == l.PID {
		holder = "it inherited itself"
	}
	return fmt.Sprintf("%s waits for %s, which %s", l.process(s), l.lock(), holder)
}

func (l link) process(s style) string {
	text := fmt.Sprintf("pid %d", l.PID)
	if l.Command != "" {
		text += " (" + s.fit(s.clean(l.Command), 60) + ")"
	}
	return text
}

func (l link) lock() string {
	name := l.Name
	if name == "" {
		name = filepath.Base(l.WaitsFor)
	}
	return string(l.Kind) + " " + name
}

// sortBusyFirst moves the busy items before the others, and keeps the order otherwise.
func (l *listing) sortBusyFirst() {
	rank := func(i item) int {
		if i.isBusy() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(l.Entries, func(a, b item) int { return rank(a) - rank(b) })
}
