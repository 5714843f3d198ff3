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
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/plain"
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

	Runs     int
	From, To string
	Zone     string
	Made     string
	Sources  []source
	Chart    chart
	Summary  []summary // by locks, and at the end of all if there are more than one
	Troubles []trouble // the latest ones
	Older    int       // troubles that are left out
}

// A source is a journal.
type source struct {
	Path   string
	Runs   int
	Unread string // lines that could not be read; empty = none
}

// maxTroubles bounds the list of runs that were none or went wrong.
const maxTroubles = 200

// printReport prints the page of the journals.
func (q *query) printReport(out *os.File) int {
	if _, _, terminal := size(out); terminal {
		q.complain(errors.New("--report: stdout is a terminal; write the page into a file: --report JOURNAL > PAGE.html"))
		return exitUsage
	}
	var runs []journal.Run
	var sources []source
	for _, path := range q.operands {
		more, unread, err := journal.ReadFile(path)
		if err != nil {
			return q.complainAbout([]error{err})
		}
		s := source{Path: plain.Harmless(path), Runs: len(more)}
		if unread.Total() > 0 {
			s.Unread = unread.String()
			q.complain(fmt.Errorf("%s: lines that could not be read: %v", path, unread))
		}
		runs, sources = append(runs, more...), append(sources, s)
	}
	w := bufio.NewWriter(out)
	err := reportTemplate().Execute(w, newPage(runs, sources, time.Now()))
	if err = cmp.Or(err, w.Flush()); err != nil {
		return q.fail(err)
	}
	return 0
}

func reportTemplate() *template.Template {
	return template.Must(template.New("report").Parse(reportHTML))
}

func newPage(runs []journal.Run, sources []source, now time.Time) page {
	runs = inOrder(runs)
	sum := sha256.Sum256([]byte(reportJS))
	p := page{
		CSS: template.CSS(reportCSS), JS: template.JS(reportJS),
		Policy: "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
		Runs:   len(runs), Sources: sources, Made: now.Format("2 January 2006, 15:04"), Zone: zone(now),
	}
	if len(runs) == 0 {
		return p
	}
	from, to := extent(runs)
	p.From, p.To, p.Zone = from.Local().Format("2 January 2006, 15:04"), to.Local().Format("2 January 2006, 15:04"), zone(from, to)
	groups := byLock(runs)
	p.Chart = newChart(groups, from, to)
	for _, g := range groups {
		p.Summary = append(p.Summary, summarise(g.label, g.runs))
	}
	if len(groups) > 1 {
		p.Summary = append(p.Summary, summarise("All", runs))
	}
	p.Troubles, p.Older = troubles(runs, groups)
	return p
}

// inOrder sorts runs by their starts, and leaves out those that are there
// twice, as when a journal and its PATH.1 were both given.
func inOrder(runs []journal.Run) []journal.Run {
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b journal.Run) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID), cmp.Compare(a.Lock, b.Lock))
	})
	return slices.CompactFunc(runs, func(a, b journal.Run) bool {
		return a.Start.Equal(b.Start) && a.Host == b.Host && a.PID == b.PID && a.Lock == b.Lock && a.Outcome == b.Outcome
	})
}

// extent is from when to when the runs are.
func extent(runs []journal.Run) (from, to time.Time) {
	from = runs[0].Start
	for _, r := range runs {
		if end := endOf(r); end.After(to) {
			to = end
		}
	}
	return from, to
}

func endOf(r journal.Run) time.Time { return r.Start.Add(r.Waited + r.Held) }

// A group is the runs of one lock, in the order of their starts.
type group struct {
	label, path string
	runs        []journal.Run
}

// byLock groups runs. One path is as many locks as there are hosts: most locks
// are a host's own.
func byLock(runs []journal.Run) []*group {
	type key struct{ host, path string }
	var groups []*group
	found, hosts := map[key]*group{}, map[string]bool{}
	for _, r := range runs {
		k := key{r.Host, r.Lock}
		g := found[k]
		if g == nil {
			g = &group{label: plain.Harmless(cmp.Or(r.Name, r.Lock)), path: plain.Harmless(r.Lock)}
			found[k], hosts[r.Host] = g, true
			groups = append(groups, g)
		}
		g.runs = append(g.runs, r)
	}
	if len(hosts) > 1 {
		for k, g := range found {
			g.label += " on " + plain.Harmless(cmp.Or(k.host, "an unknown host"))
		}
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return cmp.Or(cmp.Compare(a.label, b.label), cmp.Compare(a.path, b.path)) })
	return groups
}

// A summary is what there is to say about the runs of a lock.
type summary struct {
	Label                                   string
	Runs, Failed, Killed, Skipped, TimedOut int
	Wait, Hold                              string // the longest
}

func summarise(label string, runs []journal.Run) summary {
	s := summary{Label: label, Runs: len(runs)}
	var wait, hold time.Duration
	for _, r := range runs {
		wait, hold = max(wait, r.Waited), max(hold, r.Held)
		switch {
		case r.Outcome == journal.Killed:
			s.Killed++
		case r.Outcome == journal.Skipped:
			s.Skipped++
		case r.Outcome == journal.TimedOut:
			s.TimedOut++
		case failed(r):
			s.Failed++
		}
	}
	s.Wait, s.Hold = exactly(wait), exactly(hold)
	return s
}

func failed(r journal.Run) bool {
	switch r.Outcome {
	case journal.Ran:
		return r.Status != 0
	case journal.Signalled, journal.Interrupted, journal.FailedToLock, journal.FailedToStart:
		return true
	}
	return false
}

// A trouble is a run that did not come to be, or went wrong.
type trouble struct {
	At, Label, What, Command, Reason string
	Class                            string
}

// troubles are the latest of them, latest first, and how many others there are.
func troubles(runs []journal.Run, groups []*group) (list []trouble, older int) {
	labels := map[[2]string]string{}
	for _, g := range groups {
		labels[[2]string{g.runs[0].Host, g.runs[0].Lock}] = g.label
	}
	for _, r := range slices.Backward(runs) {
		if r.Outcome == journal.Started || r.Outcome == journal.Ran && !failed(r) {
			continue
		}
		if len(list) == maxTroubles {
			older++
			continue
		}
		list = append(list, trouble{
			At: r.Start.Local().Format("2006-01-02 15:04:05"), Label: labels[[2]string{r.Host, r.Lock}],
			What: what(r), Command: commandOf(r), Reason: plain.Harmless(r.Reason), Class: class(r),
		})
	}
	return list, older
}

func commandOf(r journal.Run) string {
	return term.Fit(plain.Harmless(strings.Join(r.Command, " ")), 300)
}

// class is what a run looks like.
func class(r journal.Run) string {
	switch r.Outcome {
	case journal.Killed:
		return "killed"
	case journal.Started:
		return "open"
	case journal.Skipped:
		return "skipped"
	case journal.TimedOut, journal.Interrupted:
		return "gaveup"
	case journal.FailedToLock, journal.FailedToStart:
		return "error"
	}
	if failed(r) {
		return "failed"
	}
	return "ok"
}

// what says what became of a run.
func what(r journal.Run) string {
	signal := cmp.Or(plain.Harmless(r.Signal), "a signal")
	switch r.Outcome {
	case journal.Ran:
		if r.Status != 0 {
			return fmt.Sprintf("failed with exit status %d", r.Status)
		}
		return "ran"
	case journal.Signalled:
		return "ended by " + signal
	case journal.Killed:
		return "killed: it ran for too long"
	case journal.Started:
		return "started; nobody saw its end"
	case journal.Skipped:
		return "skipped: the lock was held"
	case journal.TimedOut:
		return "gave up: the lock was held for too long"
	case journal.Interrupted:
		return "the wait was ended by " + signal
	case journal.FailedToLock:
		return "could not lock"
	}
	return "could not be started"
}

// exactly writes how long something took.
func exactly(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Microsecond * 100).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return span(d.Round(time.Second))
}
