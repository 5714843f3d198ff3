package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/journal"
)

var made = time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)

// collected takes in runs as a report at the time made does.
func collected(within interval, runs ...journal.Run) *collector {
	t := newCollector(within)
	for _, r := range runs {
		t.add(r)
	}
	t.finish(made)
	return t
}

// written is the page of a tally.
func written(t *testing.T, of *collector) string {
	t.Helper()
	var b strings.Builder
	w := bufio.NewWriter(&b)
	if err := of.writePage(w, nil, made); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	return b.String()
}

func ranAt(start time.Time, held time.Duration) journal.Run {
	return journal.Run{Start: start, Lock: "/l.lock", PID: 1, Host: "web1", Held: held, Outcome: journal.Ran}
}

// More runs than can be drawn are counted one by one, and merged by time and
// by how they ended; the page stays small and says so.
func TestTooManyToDraw(t *testing.T) {
	t.Parallel()
	all := newCollector(interval{})
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

// Runs that are few enough, and have much to say of themselves, are merged
// until the page is not too large.
func TestLargeFacts(t *testing.T) {
	t.Parallel()
	all := newCollector(interval{})
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

// However many locks there are, the page and its table have an end, and no run
// is lost.
func TestManyLocks(t *testing.T) {
	t.Parallel()
	all := newCollector(interval{})
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

// Very many at the same time do not make the page high.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	var runs []journal.Run
	for i := range 1000 {
		r := ranAt(made.Add(-time.Hour).Add(time.Duration(i)*time.Millisecond), 0)
		r.PID, r.Outcome, r.Status = i, journal.Skipped, 1
		runs = append(runs, r)
	}
	runs = append(runs, ranAt(made.Add(-2*time.Hour), time.Hour))
	text := written(t, collected(interval{}, runs...))
	lanes := regexp.MustCompile(`--lanes:(\d+)`).FindStringSubmatch(text)[1]
	if n, _ := strconv.Atoi(lanes); n > maxLanes || !strings.Contains(text, "runs in one bar: skipped") || !strings.Contains(text, "runs are merged into") {
		t.Errorf("%s lanes", lanes)
	}
}

// A lock is one timeline whatever its hosts are called, and each bar has its
// host.
func TestHostsOfALock(t *testing.T) {
	t.Parallel()
	var runs []journal.Run
	for i := range 300 {
		r := ranAt(made.Add(-time.Duration(i)*time.Hour), time.Minute)
		r.Host = fmt.Sprintf("f%011x", i)
		runs = append(runs, r)
	}
	text := written(t, collected(interval{}, runs...))
	if n := strings.Count(text, `<section class="lock">`); n != 1 {
		t.Errorf("%d timelines", n)
	}
	if !strings.Contains(text, "pid 1 on f0000000012b") || !strings.Contains(text, "300 runs on 300 hosts") {
		t.Errorf("no host: %.3000s", text)
	}
}

// What is still running is told from what was killed: by its process, or by
// its lock if that cannot be seen.
func TestStillRunning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	held, free := filepath.Join(dir, "held.lock"), filepath.Join(dir, "free.lock")
	lock := filelock.New(held)
	if ok, err := lock.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer lock.Release()
	if err := os.WriteFile(free, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	here, _ := os.Hostname()
	now := time.Now()
	for name, c := range map[string]struct {
		pid     int
		host    string
		lock    string
		started time.Time
		later   bool
		want    journal.Outcome
	}{
		"its process":               {1, here, free, now, false, journal.Running},
		"a later one with its ID":   {os.Getpid(), here, free, now.Add(-999 * time.Hour), false, journal.Started},
		"it is gone":                {1 << 30, here, free, now.Add(-time.Hour), false, journal.Started},
		"killed, its child has it":  {1 << 30, here, held, now.Add(-time.Hour), false, journal.Running},
		"elsewhere":                 {7, "elsewhere", held, now.Add(-time.Hour), false, journal.Running},
		"elsewhere, of a free lock": {7, "elsewhere", free, now.Add(-time.Hour), false, journal.Started},
		"others had it later":       {7, "elsewhere", held, now.Add(-time.Hour), true, journal.Started},
		"the lock is gone":          {7, "elsewhere", filepath.Join(dir, "none"), now.Add(-time.Hour), false, journal.Started},
		"a clock that is ahead":     {7, "elsewhere", held, now.Add(time.Hour), false, journal.Started},
	} {
		t.Run(name, func(t *testing.T) {
			for _, how := range []journal.Outcome{journal.Running, journal.Started} {
				all := newCollector(interval{})
				all.add(journal.Run{Start: c.started.Add(-3 * time.Second), Lock: c.lock, PID: c.pid, Host: c.host, Waited: time.Second, Outcome: how})
				if c.later {
					all.add(journal.Run{Start: now.Add(-time.Minute), Lock: c.lock, PID: 8, Host: c.host, Held: time.Second, Outcome: journal.Ran})
				}
				all.finish(now)
				g := all.locks[c.lock]
				i := slices.IndexFunc(g.buckets.all, func(b *bucket) bool { return b.run.PID == c.pid })
				r := g.buckets.all[i].run
				if r.Outcome != c.want || r.Outcome == journal.Running != (r.Held > 0) || (g.Running > 0) != (r.Held > 0) {
					t.Errorf("%s: %+v", how, r)
				}
				if wantHeld := now.Sub(c.started) + 2*time.Second; r.Held > 0 && (r.Held-wantHeld).Abs() > time.Millisecond {
					t.Errorf("held %v, want %v", r.Held, wantHeld)
				}
				if text := written(t, all); strings.Contains(text, " so far") != (c.want == journal.Running) {
					t.Errorf("%s: the page is wrong about it", how)
				}
			}
		})
	}
}

// Nobody holds an event, also if somebody has locked its marker: only its
// process says that a run of it has not ended.
func TestStillRunningOfAnEvent(t *testing.T) {
	t.Parallel()
	marker := filepath.Join(t.TempDir(), "ready")
	lock := filelock.New(marker)
	if ok, err := lock.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer lock.Release()
	here, _ := os.Hostname()
	now := time.Now()
	for pid, want := range map[int]journal.Outcome{1: journal.Running, 1 << 30: journal.Started} {
		all := newCollector(interval{})
		all.add(journal.Run{Kind: journal.KindEvent, Start: now.Add(-time.Second), Lock: marker, PID: pid, Host: here, Outcome: journal.Running})
		all.finish(now)
		if got := all.locks[marker].buckets.all[0].run.Outcome; got != want {
			t.Errorf("pid %d: %s, want %s", pid, got, want)
		}
	}
}

// A run that could not be killed is a failed one, or one that still runs, and
// named as such.
func TestCouldNotBeKilled(t *testing.T) {
	t.Parallel()
	held := filepath.Join(t.TempDir(), "held.lock")
	lock := filelock.New(held)
	if ok, err := lock.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer lock.Release()
	for path, want := range map[string]string{
		held:           ": reached its time limit, could not be killed and is still running\n",
		held + ".none": ": reached its time limit, and could not be killed\n",
	} {
		r := ranAt(made.Add(-time.Hour), time.Minute)
		r.Lock, r.Outcome, r.Status, r.Reason = path, journal.Running, 125, "pid 7 of root is left"
		text := written(t, collected(interval{}, r))
		if !strings.Contains(text, path+want) || strings.Count(text, "pid 7 of root is left") != 2 {
			t.Errorf("%s: the page does not say %q", path, want)
		}
	}
}

// One run in another age does not flatten the others.
func TestOutliers(t *testing.T) {
	t.Parallel()
	night := func(n int) (runs []journal.Run) {
		for i := range n {
			runs = append(runs, ranAt(made.Add(-time.Duration(i)*time.Hour), time.Minute))
		}
		return runs
	}
	at := func(years, days int) journal.Run { return ranAt(made.AddDate(years, 0, days), time.Minute) }
	for name, c := range map[string]struct {
		runs  []journal.Run
		apart int
	}{
		"none":                     {night(10), 0},
		"1970":                     {append(night(10), at(-56, 0)), 1},
		"1970, of few":             {append(night(2), at(-56, 0)), 1},
		"one and one":              {append(night(1), at(-56, 0)), 0},
		"1970, 1971 and 2150":      {append(night(30), at(-56, 0), at(-55, 0), at(124, 0)), 3},
		"months before":            {append(night(100), at(0, -200)), 1},
		"days before":              {append(night(100), at(0, -7)), 0},
		"two nights a month apart": {append(night(10), append([]journal.Run{at(0, -30)}, at(0, -30))...), 0},
		"nothing":                  {nil, 0},
	} {
		groups := collected(interval{}, c.runs...).allLocks()
		apart := removeOutliers(groups)
		left := 0
		for _, g := range groups {
			left += len(g.buckets.all)
		}
		if len(apart) != c.apart || left != len(c.runs)-c.apart {
			t.Errorf("%s: %d apart, %d left", name, len(apart), left)
		}
	}
	page := collected(interval{}, append(night(10), at(-56, 0))...).page(nil, made)
	if len(page.Outliers) != 1 || !strings.Contains(page.Outliers[0], "/l.lock: ran\n1970-03-14") || !strings.Contains(page.From, "2026") || page.Summary[0].Runs != 11 {
		t.Errorf("%q, from %s: %+v", page.Outliers, page.From, page.Summary)
	}
}

// Runs that are in two journals count once, however many there are, until there
// is no room to know more.
func TestSeenRuns(t *testing.T) {
	t.Parallel()
	k := newSeenRuns()
	const n = 20_000
	for round := range 2 {
		for i := range n {
			r := ranAt(made.Add(time.Duration(i/2)), 0)
			r.PID = i % 2
			if k.has(r) != (round == 1) {
				t.Fatalf("round %d, run %d", round, i)
			}
		}
	}
	k.max = len(k.hashes)
	r := ranAt(made.Add(-time.Hour), 0)
	if first, second := k.has(r), k.has(r); first || second {
		t.Error("it remembers a run although it is full")
	}
}

// A run that waited for an event holds no lock, and the page says none.
func TestEventsOfAReport(t *testing.T) {
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
	text := written(t, collected(interval{}, runs...))
	for _, want := range []string{", ran 1m", "skipped: the event was not set", "gave up waiting: the event was not set", "could not wait for the event"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(text, "the lock was held") {
		t.Error("the page tells of a lock")
	}
}

// Only the runs of a time that is asked for count, and one that only begins or
// ends in it is one of them.
func TestWithin(t *testing.T) {
	t.Parallel()
	hour := func(h int) time.Time { return made.Add(time.Duration(h) * time.Hour) }
	runs := []journal.Run{ranAt(hour(-9), time.Hour), ranAt(hour(-7), 2*time.Hour), ranAt(hour(-4), time.Hour), ranAt(hour(-2), time.Hour), ranAt(hour(-2).Add(time.Second), time.Hour)}
	for _, c := range []struct {
		within interval
		want   int
	}{
		{interval{}, 5}, {interval{since: hour(-6)}, 4}, {interval{until: hour(-6)}, 2}, {interval{since: hour(-6), until: hour(-2)}, 3},
		{interval{since: hour(-1)}, 2}, {interval{since: hour(9)}, 0},
	} {
		all := collected(c.within, runs...)
		if all.total.Runs != c.want {
			t.Errorf("%v: %d runs, want %d", c.within, all.total.Runs, c.want)
		}
		page := all.page(nil, made)
		if c.want == 3 && page.From != hour(-6).Local().Format(toTheMinute) {
			t.Errorf("the chart is from %s", page.From)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 14, 8, 0, 0, 0, time.Local)
	for text, want := range map[string]time.Time{
		"2026-03-14T02:30:00Z":      time.Date(2026, 3, 14, 2, 30, 0, 0, time.UTC),
		"2026-03-14T02:30:00+01:00": time.Date(2026, 3, 14, 1, 30, 0, 0, time.UTC),
		"2026-03-14":                time.Date(2026, 3, 14, 0, 0, 0, 0, time.Local),
		"2026-03-13 02:30":          time.Date(2026, 3, 13, 2, 30, 0, 0, time.Local),
		"2026-03-13T02:30:15":       time.Date(2026, 3, 13, 2, 30, 15, 0, time.Local),
		"2h":                        now.Add(-2 * time.Hour),
		"2h ago":                    now.Add(-2 * time.Hour),
		"1.5 d ago":                 now.Add(-36 * time.Hour),
		"1w":                        now.Add(-7 * 24 * time.Hour),
		"90s":                       now.Add(-90 * time.Second),
		"0m":                        now,
	} {
		if got, err := parseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "ago", "h", "2", "-2h", "2y", "NaNh", "1e99h", "infd", "2026-13-01", "noon", "14.3.2026"} {
		if got, err := parseTime(text, now); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// Ticks are at round times of the local clock, and every midnight is one, also
// when the clock is changed. It runs by itself: the zone is the program's.
func TestTicks(t *testing.T) {
	before := time.Local
	defer func() { time.Local = before }()
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Skip(err)
		}
		time.Local = location
		for _, month := range []time.Month{time.March, time.April, time.October, time.November} {
			for _, hours := range []int{6, 12, 30, 60, 24 * 7, 24 * 28, 24 * 200} {
				from := time.Date(2026, month, 1, 17, 23, 11, 5, location)
				s := scale{from: from, span: time.Duration(hours) * time.Hour, width: 960}
				if hours < 24*28 { // about a change
					s.from = from.AddDate(0, 0, 27)
				}
				checkTicks(t, fmt.Sprintf("%s, %s, %d hours", zone, month, hours), s)
			}
		}
	}
}

func checkTicks(t *testing.T, name string, s scale) {
	t.Helper()
	var midnights []string
	for day := s.from.Local(); day.Before(s.from.Add(s.span)); day = day.AddDate(0, 0, 1) {
		m := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, time.Local)
		if m.Before(s.from.Add(s.span)) {
			midnights = append(midnights, string("left:"+percent(s.position(m))))
		}
	}
	ticks := s.ticks()
	var majors []string
	for i, tick := range ticks {
		if tick.Major {
			majors = append(majors, string(tick.Style))
		}
		minute := tick.Label[len(tick.Label)-2:]
		if s.span < 100*time.Hour && (minute != "00" && minute != "30" && minute != "15" && minute != "45") {
			t.Errorf("%s: tick %d is at %s", name, i, tick.Label)
		}
		if tick.Major && s.span < 100*time.Hour && !strings.HasSuffix(tick.Label, " 00:00") {
			t.Errorf("%s: tick %d is %s", name, i, tick.Label)
		}
	}
	if len(ticks) < 2 || len(ticks) > 12 {
		t.Errorf("%s: %d ticks", name, len(ticks))
	}
	if s.span < 100*time.Hour && !slices.Equal(majors, midnights) {
		t.Errorf("%s: ticks of days at %q, midnights at %q", name, majors, midnights)
	}
	if s.span >= 100*time.Hour && len(majors) != len(ticks) {
		t.Errorf("%s: %d of %d ticks are midnights", name, len(majors), len(ticks))
	}
}
