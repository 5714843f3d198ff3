package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/journal"
)

var made = time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)

// collected returns a collector with these runs, finished at the time made.
func collected(within Interval, runs ...journal.Run) *collector {
	t := newCollector(within)
	for _, r := range runs {
		t.add(r)
	}
	t.finish(made)
	return t
}

// written returns the HTML of a collector's page.
func written(t *testing.T, of *collector) string {
	t.Helper()
	var b strings.Builder
	if err := (&Report{runs: of}).writePage(&b, made); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func ranAt(start time.Time, held time.Duration) journal.Run {
	return journal.Run{Start: start, Lock: "/l.lock", PID: 1, Host: "web1", Held: held, Outcome: journal.Ran}
}

// Runs of many locks cannot be merged. If their texts make the page too large, the page has
// only the first characters of each.
func TestTooMuchText(t *testing.T) {
	t.Parallel()
	var runs []journal.Run
	for i := range maxLocks {
		long := fmt.Sprint(i, strings.Repeat(`"`, longText))
		runs = append(runs, journal.Run{
			Start: made.Add(-time.Duration(i) * time.Minute), Lock: long, Command: []string{long}, Host: long, User: long, Reason: long, Outcome: journal.Ran, Status: 1,
		})
	}
	if text := written(t, collected(Interval{}, runs...)); len(text) > 5_000_000 || len(text) < 1_000_000 || !strings.Contains(text, `499&#34;&#34;`) {
		t.Errorf("%d bytes", len(text))
	}
}

// If there are too many runs, each is still counted, but in the chart they are merged by
// time and outcome. The page says so.
func TestTooManyToDraw(t *testing.T) {
	t.Parallel()
	all := newCollector(Interval{})
	const n = 150_000
	for i := range n {
		r := ranAt(made.Add(time.Duration(i)*time.Minute-n*time.Minute), time.Second)
		r.Lock, r.Host, r.PID = fmt.Sprintf("/l%d.lock", i%3), fmt.Sprintf("web%d", i%5), i+1
		switch {
		case i%1000 == 500:
			r.Status = 3
		case i == n/2:
			r.Held = 26 * time.Hour
		}
		all.add(r)
	}
	all.finish(made)
	if all.buckets > maxMerged || all.buckets < maxMerged/4 {
		t.Errorf("%d buckets", all.buckets)
	}
	count, drawn, failed, alone := 0, 0, 0, false
	for _, g := range all.allLocks() {
		for _, b := range g.buckets.all {
			count, drawn = count+1, drawn+b.n
			if b.class == "failed" {
				failed += b.n
			}
			alone = alone || b.n == 1 && b.hold == 26*time.Hour
		}
	}
	if count != all.buckets || drawn != n || failed != n/1000 || !alone {
		t.Errorf("%d of %d buckets of %d runs, %d of which failed; the long one is by itself: %v", count, all.buckets, drawn, failed, alone)
	}
	if all.total.Runs != n || all.total.Failed != n/1000 || all.total.hold != 26*time.Hour {
		t.Errorf("%+v", all.total)
	}
	text := written(t, all)
	for _, want := range []string{" runs are merged into ", " runs in one bar: ran", " and others\"", `data-head="Runs">150000<`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
}

// Runs with long texts are merged until the page is small enough.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	all := newCollector(Interval{})
	for i := range maxBars {
		r := ranAt(made.Add(-time.Duration(i)*time.Hour), time.Minute)
		r.Command, r.Reason = []string{strings.Repeat("<ü>", 1000)}, strings.Repeat("\"'", 1000)
		r.Outcome = journal.FailedToStart
		all.add(r)
	}
	all.finish(made)
	if all.buckets != maxBars {
		t.Fatalf("%d buckets", all.buckets)
	}
	if text := written(t, all); len(text) > 5_000_000 || !strings.Contains(text, "runs are merged into") || !strings.Contains(text, "And 9800 earlier") {
		t.Errorf("%d bytes", len(text))
	}
}

// The page has a bounded number of locks, and counts the runs of all others together.
func TestManyLocks(t *testing.T) {
	t.Parallel()
	all := newCollector(Interval{})
	for i := range 3 * maxLocks {
		r := ranAt(made.Add(-time.Minute), time.Second)
		r.Lock = fmt.Sprintf("/tmp/job.%d.lock", i)
		all.add(r)
	}
	all.finish(made)
	groups := all.allLocks()
	if len(groups) != maxLocks+1 || groups[maxLocks].Runs != 2*maxLocks {
		t.Fatalf("%d groups", len(groups))
	}
	if text := written(t, all); strings.Count(text, `<section class="lock">`) != maxLocks+1 || !strings.Contains(text, "together under “other locks”") {
		t.Error("the page does not say so")
	}
}

// A lock with runs on many hosts has one timeline, and each bar names its host.
func TestHostsOfALock(t *testing.T) {
	t.Parallel()
	var runs []journal.Run
	for i := range 300 {
		r := ranAt(made.Add(-time.Duration(i)*time.Hour), time.Minute)
		r.Host = fmt.Sprintf("f%011x", i)
		runs = append(runs, r)
	}
	text := written(t, collected(Interval{}, runs...))
	if n := strings.Count(text, `<section class="lock">`); n != 1 {
		t.Errorf("%d timelines", n)
	}
	if !strings.Contains(text, "pid 1 on f0000000012b") || !strings.Contains(text, "300 runs on 300 hosts") {
		t.Errorf("no host: %.3000s", text)
	}
}

// For a run that waited for an event, the page does not mention a lock.
func TestEventRuns(t *testing.T) {
	t.Parallel()
	var runs []journal.Run
	for i, outcome := range []journal.Outcome{journal.Ran, journal.Skipped, journal.TimedOut, journal.FailedToLock} {
		r := ranAt(made.Add(time.Duration(i-9)*time.Hour), 0)
		r.Kind, r.Lock, r.Outcome, r.PID = journal.KindEvent, "/dumped.event", outcome, i+1
		if outcome == journal.Ran {
			r.Held = time.Minute
		}
		runs = append(runs, r)
	}
	text := written(t, collected(Interval{}, runs...))
	for _, want := range []string{", ran 1m", "skipped: the event was not set", "gave up waiting: the event was not set", "could not wait for the event"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(text, "the lock was held") {
		t.Error("the page mentions a lock")
	}
}
