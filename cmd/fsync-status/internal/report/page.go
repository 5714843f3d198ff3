// Package report makes an HTML page of the runs in journals.
//
// A collector (collect.go) counts the runs of each lock. It keeps them in buckets
// (bucket.go): one run each or, if there are too many, runs that are close together. Runs
// whose end is not recorded are counted at the end (unended.go). A chart (chart.go) gives
// each bucket its bar on the page (page.go, report.html), except outliers (outliers.go).
package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
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
	From, To     string // when the chart begins and ends
	Zone         string
	Made         string // when the page was made
	Within       string // the interval of --since and --until
	Sources      []source
	Chart        chart
	Merged       string   // about runs that share a bar
	Outliers     []string // descriptions of runs that the chart leaves out
	MoreOutliers int      // that have no description
	OtherLocks   string   // about locks that share a timeline
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

// A summary is a row of the table "Summary": of a lock or, in the last row, of all locks.
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

// A Report is the runs of some journals.
type Report struct {
	runs    *collector
	sources []source
}

// Read reads the journals at the paths, and keeps the runs in the interval. It calls warn
// with a message about lines that are not runs.
func Read(paths []string, within Interval, warn func(message string)) (*Report, error) {
	r := &Report{runs: newCollector(within)}
	if len(paths) > 1 || hasOlder(paths[0]) {
		r.runs.seen = newSeenRuns()
	}
	for _, path := range paths {
		n := 0
		unread, err := journal.Each(path, func(run journal.Run) {
			n++
			r.runs.add(run)
		})
		if err != nil {
			return nil, err
		}
		s := source{Path: printable.Text(path), Runs: n}
		if unread.Total() > 0 {
			s.Unread = unread.String()
			warn(fmt.Sprintf("%s: lines that could not be read: %v", path, unread))
		}
		r.sources = append(r.sources, s)
	}
	r.runs.finish(time.Now())
	return r, nil
}

// hasOlder reports whether there is a second file with older runs.
func hasOlder(path string) bool {
	older, err := file.Stat(path + ".1")
	return err != nil || older.Exists
}

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Parse(reportHTML))
})

// WriteHTML writes the page. It merges runs until the page is small enough. If no more runs
// can be merged, it makes the texts shorter.
func (r *Report) WriteHTML(w io.Writer) error { return r.writePage(w, time.Now()) }

func (r *Report) writePage(w io.Writer, now time.Time) error {
	limit, text := r.runs.limit(), longText
	for {
		p := r.runs.page(r.sources, now)
		if text < longText {
			p.shorten(text)
		}
		var size byteCounter
		if err := pageTemplate().Execute(&size, p); err != nil {
			return err
		}
		if size <= maxPage || text < 2 {
			return pageTemplate().Execute(w, p)
		}
		for limit /= 2; limit > 0 && limit >= r.runs.buckets; limit /= 2 { // it would merge nothing
		}
		if !r.runs.merge(limit) {
			text /= 2
		}
	}
}

// shorten cuts each line of the texts about locks and runs to n characters.
func (p *page) shorten(n int) {
	cut := func(texts ...*string) {
		for _, text := range texts {
			lines := strings.Split(*text, "\n")
			for i, line := range lines {
				lines[i] = printable.Shorten(line, n)
			}
			*text = strings.Join(lines, "\n")
		}
	}
	for i := range p.Chart.Timelines {
		t := &p.Chart.Timelines[i]
		cut(&t.Label, &t.Path)
		for j := range t.Bars {
			cut(&t.Bars[j].Text)
		}
	}
	for i := range p.Outliers {
		cut(&p.Outliers[i])
	}
	for i := range p.Summary {
		cut(&p.Summary[i].Label)
	}
	for i := range p.Problems {
		of := &p.Problems[i]
		cut(&of.Label, &of.What, &of.Command, &of.Reason)
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
	for _, r := range slices.Backward(c.problems.runs) {
		p.Problems = append(p.Problems, problem{
			At: r.Start.Local().Format(toTheSecond), Label: c.lock(r).label,
			What: outcomeText(r), Command: commandOf(r), Reason: printable.Text(r.Reason), Class: class(r),
		})
	}
	p.Older = c.problems.older
	return p
}

// clones returns copies of the locks and their buckets. A page is made from copies, because
// it removes outliers and merges buckets, and may have to be made again.
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

// mergedText returns a text about the runs that share a bar.
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
		runs, cli.Plural(bars, "bar", "bars"), exactly(width))
}
