package main

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/journal"
)

//go:embed report.html
var reportHTML string

//go:embed report.css
var reportCSS string

//go:embed report.js
var reportJS string

// A page is the data of report.html. Its texts are printable; html/template escapes
// them. An empty text is left out.
type page struct {
	CSS    template.CSS
	JS     template.JS
	Policy string // the Content-Security-Policy: the page loads nothing, and runs only JS

	Runs         int
	From, To     string // of the chart
	Zone         string
	Made         string // when the page was made
	Within       string // the interval of --since and --until
	Sources      []source
	Chart        chart
	Merged       string   // about runs that share a bar
	Outliers     []string // descriptions of runs that the chart leaves out
	MoreOutliers int      // that have no description
	OtherLocks   string   // about locks without a timeline of their own
	Summary      []summary
	Problems     []problem // the latest ones
	Older        int       // the number of older problems
}

// A source is a journal.
type source struct {
	Path   string
	Runs   int
	Unread string // about lines that could not be read
}

// A summary is a lock in the table of the same name. The last one is of all locks, if
// there are several.
type summary struct {
	Label string
	counts
}

// A problem is a run that failed or did not run.
type problem struct {
	At, Label, What, Command, Reason string
	Class                            string
}

const (
	maxPage     = 4_900_000 // bytes
	maxOutliers = 20        // with a description
)

// printReport prints the page of the journals.
func (q *query) printReport(out *os.File) int {
	if term.IsTerminal(out) {
		q.program.Complain("--report: stdout is a terminal; redirect it to a file: --report JOURNAL > PAGE.html")
		return cli.ExitUsage
	}
	c, sources, err := q.readJournals()
	if err != nil {
		return q.complainAbout([]error{err})
	}
	w := bufio.NewWriter(out)
	err = c.writePage(w, sources, time.Now())
	if err = cmp.Or(err, w.Flush()); err != nil {
		return q.program.Fail(cli.ExitOutput, err)
	}
	return 0
}

func (q *query) readJournals() (*collector, []source, error) {
	c := newCollector(q.interval)
	if len(q.operands) > 1 || hasOlder(q.operands[0]) {
		c.seen = newSeenRuns()
	}
	var sources []source
	for _, path := range q.operands {
		n := 0
		unread, err := journal.Each(path, func(r journal.Run) {
			n++
			c.add(r)
		})
		if err != nil {
			return nil, nil, err
		}
		s := source{Path: printable.Text(path), Runs: n}
		if unread.Total() > 0 {
			s.Unread = unread.String()
			q.program.Complain(fmt.Sprintf("%s: lines that could not be read: %v", path, unread))
		}
		sources = append(sources, s)
	}
	c.finish(time.Now())
	return c, sources, nil
}

// hasOlder reports whether there is a second file with older runs.
func hasOlder(path string) bool {
	older, err := file.Stat(path + ".1")
	return err != nil || older.Exists
}

var reportTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Parse(reportHTML))
})

// writePage writes the page. While the page is too large, it merges more runs.
func (c *collector) writePage(w *bufio.Writer, sources []source, now time.Time) error {
	for limit := c.limit(); ; limit /= 2 {
		p := c.page(sources, now)
		var size byteCounter
		if err := reportTemplate().Execute(&size, p); err != nil {
			return err
		}
		if size <= maxPage || limit < 2 {
			return reportTemplate().Execute(w, p)
		}
		for c.buckets > limit/2 && c.width < maxTimeWidth {
			c.coarsen()
		}
	}
}

// A byteCounter is a Writer that only counts.
type byteCounter int

func (c *byteCounter) Write(p []byte) (int, error) {
	*c += byteCounter(len(p))
	return len(p), nil
}

func (c *collector) page(sources []source, now time.Time) page {
	hash := sha256.Sum256([]byte(reportJS))
	p := page{
		CSS: template.CSS(reportCSS), JS: template.JS(reportJS),
		Policy: "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'",
		Runs:   c.total.Runs, Sources: sources, Made: now.Format(toTheMinute), Zone: zoneNames(now), Within: c.within.String(),
	}
	if c.total.Runs == 0 {
		return p
	}
	locks := c.allLocks()
	drawn := clones(locks)
	outliers := removeOutliers(drawn)
	for _, o := range outliers[:min(len(outliers), maxOutliers)] {
		p.Outliers = append(p.Outliers, o.describe(o.label))
	}
	for _, o := range outliers[len(p.Outliers):] {
		p.MoreOutliers += o.n
	}
	from, to := extent(drawn, c.within)
	p.From, p.To, p.Zone = from.Local().Format(toTheMinute), to.Local().Format(toTheMinute), zoneNames(from, to)
	p.Chart = newChart(drawn, c.within)
	p.Merged = mergedText(drawn)
	for _, l := range locks {
		p.Summary = append(p.Summary, summary{l.label, l.counts})
	}
	if len(locks) > 1 {
		p.Summary = append(p.Summary, summary{"All", c.total})
	}
	if c.others != nil {
		p.OtherLocks = fmt.Sprintf("There are more than %d locks. The runs of the others are together under “other locks”.", maxLocks)
	}
	for _, r := range slices.Backward(c.problems.sorted()) {
		p.Problems = append(p.Problems, problem{
			At: r.Start.Local().Format(toTheSecond), Label: c.lock(r).label,
			What: outcomeText(r), Command: commandOf(r), Reason: printable.Text(r.Reason), Class: class(r),
		})
	}
	p.Older = c.problems.older
	return p
}

// clones returns copies of the locks and their buckets. To make a page, outliers are
// removed and buckets are merged, and the page may have to be made again.
func clones(locks []*lockRuns) []*lockRuns {
	all := make([]*lockRuns, len(locks))
	for i, l := range locks {
		clone := *l
		clone.buckets.all = make([]*bucket, len(l.buckets.all))
		for j, b := range l.buckets.all {
			copied := *b
			clone.buckets.all[j] = &copied
		}
		all[i] = &clone
	}
	return all
}

// mergedText says how many runs have no bar of their own.
func mergedText(locks []*lockRuns) string {
	var runs, bars int
	var width time.Duration
	for _, l := range locks {
		r, b := l.buckets.merged()
		runs, bars = runs+r, bars+b
		if b > 0 {
			width = max(width, l.width)
		}
	}
	if runs == 0 {
		return ""
	}
	return fmt.Sprintf("%d runs are merged into %s: runs of one lock that ended alike and started within %s of each other. The summary below counts each run.",
		runs, plural(bars, "bar", "bars"), exactly(width))
}
