package main

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/journal"
)

//go:embed report.html
var reportHTML string

//go:embed report.css
var reportCSS string

//go:embed report.js
var reportJS string

// A page is what the report shows. Text in it is harmless; that it is no HTML
// is html/template's care.
type page struct {
	CSS    template.CSS
	JS     template.JS
	Policy string // what the page may load: nothing; and run: JS

	Runs      int
	From, To  string // of the chart
	Zone      string
	Made      string
	Within    string // what was asked for; empty = everything
	Sources   []source
	Chart     chart
	Merged    string    // what is not drawn by itself; empty = everything is
	Apart     []string  // facts of what is too far from the rest to be drawn
	MoreApart int       // those that are left out
	NoRoom    string    // which locks have no timeline of their own; empty = none
	Summary   []summary // by locks, and at the end of all if there are more than one
	Troubles  []trouble // the latest ones
	Older     int       // troubles that are left out
}

// A source is a journal.
type source struct {
	Path   string
	Runs   int
	Unread string // lines that could not be read; empty = none
}

type summary struct {
	Label string
	counts
}

// A trouble is a run that did not come to be, or went wrong.
type trouble struct {
	At, Label, What, Command, Reason string
	Class                            string
}

const (
	maxPage  = 4_900_000 // bytes of a page
	maxApart = 20        // that are named
)

// printReport prints the page of the journals.
func (q *query) printReport(out *os.File) int {
	if term.IsTerminal(out) {
		q.program.Complain("--report: stdout is a terminal; redirect it to a file: --report JOURNAL > PAGE.html")
		return cli.ExitUsage
	}
	t, sources, err := q.read()
	if err != nil {
		return q.complainAbout([]error{err})
	}
	w := bufio.NewWriter(out)
	err = t.write(w, sources, time.Now())
	if err = cmp.Or(err, w.Flush()); err != nil {
		return q.program.Fail(cli.ExitOutput, err)
	}
	return 0
}

// read reads the journals. It keeps of them what is to be drawn and counted.
func (q *query) read() (*tally, []source, error) {
	t := newTally(q.interval)
	if len(q.operands) > 1 || hasOlder(q.operands[0]) {
		t.known = newKnown()
	}
	var sources []source
	for _, path := range q.operands {
		n := 0
		unread, err := journal.Each(path, func(r journal.Run) {
			n++
			t.add(r)
		})
		if err != nil {
			return nil, nil, err
		}
		s := source{Path: printable.Text(path), Runs: n}
		if unread.Total() > 0 {
			s.Unread = unread.String()
			q.program.Complain(fmt.Errorf("%s: lines that could not be read: %v", path, unread).Error())
		}
		sources = append(sources, s)
	}
	t.finish(time.Now())
	return t, sources, nil
}

func hasOlder(path string) bool {
	_, err := os.Stat(path + ".1")
	return !errors.Is(err, fs.ErrNotExist)
}

func reportTemplate() *template.Template {
	return template.Must(template.New("report").Parse(reportHTML))
}

// write writes the page. If it would be too large, more runs are merged.
func (t *tally) write(w *bufio.Writer, sources []source, now time.Time) error {
	all := reportTemplate()
	for limit := t.limit(); ; limit /= 2 {
		p := t.page(sources, now)
		var size counter
		if err := all.Execute(&size, p); err != nil {
			return err
		}
		if size <= maxPage || limit < 2 {
			return all.Execute(w, p)
		}
		for t.blocks > limit/2 && t.width < coarsestTime {
			t.coarsen()
		}
	}
}

// A counter counts what is written.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func (t *tally) page(sources []source, now time.Time) page {
	sum := sha256.Sum256([]byte(reportJS))
	p := page{
		CSS: template.CSS(reportCSS), JS: template.JS(reportJS),
		Policy: "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
		Runs:   t.all.Runs, Sources: sources, Made: now.Format(toTheMinute), Zone: zone(now), Within: t.within.String(),
	}
	if t.all.Runs == 0 {
		return p
	}
	groups := t.groups()
	drawn := copies(groups)
	apart := setApart(drawn)
	for _, a := range apart[:min(len(apart), maxApart)] {
		p.Apart = append(p.Apart, a.facts(a.label))
	}
	for _, a := range apart[len(p.Apart):] {
		p.MoreApart += a.n
	}
	from, to := extent(drawn, t.within)
	p.From, p.To, p.Zone = from.Local().Format(toTheMinute), to.Local().Format(toTheMinute), zone(from, to)
	p.Chart = newChart(drawn, t.within)
	p.Merged = merged(drawn)
	for _, g := range groups {
		p.Summary = append(p.Summary, summary{g.label, g.counts})
	}
	if t.others != nil {
		p.NoRoom = fmt.Sprintf("There are more than %d locks. The runs of the others are together under “other locks”.", maxLocks)
	}
	if len(groups) > 1 {
		p.Summary = append(p.Summary, summary{"All", t.all})
	}
	p.Troubles, p.Older = t.troubles()
	return p
}

// copies are groups whose blocks can be merged, or left out, for one page.
func copies(groups []*group) []*group {
	all := make([]*group, len(groups))
	for i, g := range groups {
		c := *g
		c.blocks.all = make([]*block, len(g.blocks.all))
		for j, b := range g.blocks.all {
			one := *b
			c.blocks.all[j] = &one
		}
		all[i] = &c
	}
	return all
}

// merged says which runs have no bar of their own.
func merged(groups []*group) string {
	var runs, bars int
	var width time.Duration
	for _, g := range groups {
		r, b := g.blocks.merged()
		runs, bars = runs+r, bars+b
		if b > 0 {
			width = max(width, g.width)
		}
	}
	if runs == 0 {
		return ""
	}
	return fmt.Sprintf("%d runs are merged into %s: runs of one lock that ended alike and started within %s of each other. The summary below counts each run.",
		runs, plural(bars, "bar"), exactly(width))
}

// troubles are the latest of them, latest first, and how many others there are.
func (t *tally) troubles() (list []trouble, older int) {
	for _, r := range slices.Backward(t.trouble.sorted()) {
		list = append(list, trouble{
			At: r.Start.Local().Format(toTheSecond), Label: t.group(r).label,
			What: what(r), Command: commandOf(r), Reason: printable.Text(r.Reason), Class: class(r),
		})
	}
	return list, t.trouble.older
}
