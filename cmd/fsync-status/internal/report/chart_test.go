package report

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/journal"
)

// A few short runs are visible without scrolling. The short time that a try to lock took is
// not drawn as a wait.
func TestShortRuns(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 14, 3, 0, 0, 0, time.UTC)
	l := &lockRuns{}
	for i, outcome := range []journal.Outcome{journal.Ran, journal.Skipped, journal.FailedToStart, journal.Started, journal.Ran, journal.Ran} {
		r := journal.Run{Start: start.Add(time.Duration(i) * time.Hour), Lock: "/l", Waited: time.Millisecond, Outcome: outcome}
		if outcome == journal.Ran {
			r.Held = 2 * time.Millisecond
		}
		l.buckets.add(newBucket(r))
	}
	s := newScale([]*lockRuns{l}, start, start.Add(6*time.Hour))
	if s.width > minChart {
		t.Errorf("%d pixels for %d runs", s.width, len(l.buckets.all))
	}
	for _, bucket := range l.buckets.all {
		b := s.bar(bucket, "l", 0)
		if hatched := b.Wait != ""; hatched != (bucket.run.Outcome == journal.Ran) {
			t.Errorf("%s: %q is a wait", bucket.run.Outcome, b.Wait)
		}
		if strings.Contains(b.Text, "waited") {
			t.Errorf("%s: %s", bucket.run.Outcome, b.Text)
		}
	}
}

// Many runs at the same time do not make the page high.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	var runs []journal.Run
	for i := range 1000 {
		r := ranAt(made.Add(-time.Hour).Add(time.Duration(i)*time.Millisecond), 0)
		r.PID, r.Outcome, r.Status = i, journal.Skipped, 1
		runs = append(runs, r)
	}
	runs = append(runs, ranAt(made.Add(-2*time.Hour), time.Hour))
	text := written(t, collected(Interval{}, runs...))
	lanes := regexp.MustCompile(`--lanes:(\d+)`).FindStringSubmatch(text)[1]
	if n, _ := strconv.Atoi(lanes); n > maxLanes || !strings.Contains(text, "runs in one bar: skipped") || !strings.Contains(text, "runs are merged into") {
		t.Errorf("%s lanes", lanes)
	}
}

// There is a gap of a pixel after a bar. Bars of merged runs may touch each other.
func TestLanes(t *testing.T) {
	t.Parallel()
	s := scale{from: made, span: 1000 * time.Second, width: 1000} // a pixel is a second
	for _, c := range []struct {
		name string
		b    bucket
		next int // the pixel at which the next bar may begin
	}{
		{"one run", bucket{n: 1, class: "ok"}, 101},
		{"merged runs", bucket{n: 2, class: "ok"}, 99},
		{"a mark", bucket{n: 1, class: "skipped"}, 101},
	} {
		c.b.start, c.b.end = made, made.Add(100*time.Second)
		_, end := s.occupied(&c.b)
		if got := int(end.Sub(made).Seconds()); got != c.next {
			t.Errorf("%s: %d, want %d", c.name, got, c.next)
		}
	}
}
