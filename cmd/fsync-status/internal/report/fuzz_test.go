package report

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/fsync-lock/fsync/journal"
)

// FuzzParseTime reads any text as a time. A duration means what [time.ParseDuration] says;
// a time that was formatted is read as the same time.
func FuzzParseTime(f *testing.F) {
	for _, text := range []string{
		"2026-03-14T02:30:00Z", "2026-03-14 02:30:00+01:00", "2026-03-14", "2026-03-13 02:30", "0001-01-01T00:00:00Z", "0000-01-01", "9999-12-31", "2026-02-30",
		"2h", "2h ago", " 1.5 d ago ", "1w", "90s", "0m", "-0h", "1_0h", "0x1p4h", "1e-400h", "1e400h", "agoago", "2h2m", ".h", "NaNs", "infd",
	} {
		f.Add(text, int64(1_790_000_000_123_456_789), 3600)
	}
	now := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string, at int64, zone int) {
		got, err := ParseTime(text, now)
		if got.IsZero() != (err != nil) {
			t.Fatalf("%q: %v, %v", text, got, err)
		}
		checkAgo(t, text, now, got, err)
		want := time.Unix(0, at).In(time.FixedZone("", zone%(24*3600)/60*60))
		for layout, unit := range map[string]time.Duration{time.RFC3339Nano: 1, "2006-01-02 15:04:05Z07:00": time.Second} {
			text := want.Format(layout)
			if got, err := ParseTime(text, now); err != nil || want.Sub(got) < 0 || want.Sub(got) >= unit {
				t.Errorf("%q: %v, %v", text, got, err)
			}
		}
	})
}

var ago = regexp.MustCompile(`^\s*([0-9]+|[0-9]*\.[0-9]+)\s*([smhdw])(\s*ago)?\s*$`)

// checkAgo compares a duration before now with [time.ParseDuration], after it has replaced
// days and weeks by hours.
func checkAgo(t *testing.T, text string, now, got time.Time, err error) {
	t.Helper()
	parts := ago.FindStringSubmatch(text)
	if parts == nil {
		return
	}
	hours := map[string]int{"d": 24, "w": 7 * 24}
	unit, factor := parts[2], 1
	if hours[unit] > 0 {
		unit, factor = "h", hours[unit]
	}
	want, wrong := time.ParseDuration(parts[1] + unit)
	isLong := wrong != nil || want > 190*365*24*time.Hour/time.Duration(factor)
	switch d := now.Sub(got); {
	case isLong: // it may be refused
	case err != nil:
		t.Errorf("%q: %v", text, err)
	case math.Abs(float64(d)-float64(want)*float64(factor)) > float64(factor+1)+float64(d)*1e-15:
		t.Errorf("%q: %v, want %d times %v", text, d, factor, want)
	}
}

// FuzzReport makes the page of any journal. Each run is counted, the page is not too large,
// and no text of a run becomes a part of its HTML.
func FuzzReport(f *testing.F) {
	const line = `{"fsync_run":1,"start":"2026-03-14T02:00:00Z","lock":"%s","name":"%[1]s","command":["%[1]s"],"pid":4242,"host":"%[1]s","user":"%[1]s","waited_seconds":%v,"held_seconds":%v,"outcome":"%s","exit_status":%d,"signal":"%[1]s","reason":"%[1]s"}` + "\n"
	for _, outcome := range journal.Outcomes() {
		f.Add(fmt.Sprintf(line, `/run/<b>&\"\u0000\u2028`, 0.25, 61.5, outcome, 1), byte(3))
	}
	f.Add(fmt.Sprintf(line, "/l", 630720000, 630720000, "ran", 0)+strings.Replace(fmt.Sprintf(line, "/l", 0, 0, "skipped", 0), "2026", "1970", 1), byte(1))
	f.Add(fmt.Sprintf(line, "''''''''''''''''''''''''", 0, 0, "ran", 0)+fmt.Sprintf(line, "&#39;&#39;&#39;&#39;&#39;&#39;", 0, 0, "ran", 0), byte(0))
	f.Add("text\n"+strings.Replace(fmt.Sprintf(line, "</title><script>alert(1)</script>", 0, 1e-6, "killed", -1), "2026", "2200", 1), byte(200))
	f.Fuzz(func(t *testing.T, text string, times byte) {
		if len(text) < 2000 {
			text = strings.Repeat(text, 1+int(times)%8)
		}
		path := filepath.Join(t.TempDir(), "journal")
		testproc.Must(t, os.WriteFile(path, []byte(text), 0o600))
		runs, unread, err := journal.Read(strings.NewReader(text))
		testproc.Must(t, err)
		warned := false
		r, err := Read([]string{path}, Interval{}, func(string) { warned = true })
		testproc.Must(t, err)
		var page bytes.Buffer
		testproc.Must(t, r.WriteHTML(&page))
		if r.runs.total.Runs != len(runs) || warned != (unread.Total() > 0) || page.Len() > 5_000_000 {
			t.Errorf("%d runs of %d, warned %v of %v, %d bytes", r.runs.total.Runs, len(runs), warned, unread, page.Len())
		}
		checkHTML(t, page.String(), runs)
	})
}

// checkHTML fails the test if the page has a character that is not printable, or a tag that
// report.html does not have.
func checkHTML(t *testing.T, page string, runs []journal.Run) {
	t.Helper()
	if i := strings.IndexFunc(page, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsGraphic(r) }); i >= 0 {
		t.Errorf("not printable: %q", page[i:min(i+20, len(page))])
	}
	known := map[string]bool{"!--": true}
	for _, tag := range tags.FindAllString(reportHTML, -1) {
		known[tag] = true
	}
	for _, tag := range tags.FindAllString(page, -1) {
		if !known[tag] {
			t.Fatalf("a tag %q", tag)
		}
	}
	if n, want := strings.Count(page, "<script"), strings.Count(reportHTML, "<script"); n != want {
		t.Errorf("%d scripts, want %d", n, want)
	}
	for _, r := range runs {
		for _, s := range append(r.Command, r.Lock, r.Name, r.Host, r.User, r.Signal, r.Reason) {
			if strings.ContainsAny(s, `<>"'`) && len(s) > 20 && strings.Contains(page, s) {
				t.Errorf("not escaped: %q", s)
			}
		}
	}
}

var tags = regexp.MustCompile(`<[a-zA-Z!/?][a-zA-Z0-9-]*`)
