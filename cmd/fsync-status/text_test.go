package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/journal"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "", 0: "0s", 999 * time.Millisecond: "0s", 59 * time.Second: "59s", time.Minute: "1m", 133 * time.Second: "2m13s",
		time.Hour + 59*time.Second: "1h", 25*time.Hour + time.Minute: "1d1h", 400 * 24 * time.Hour: "400d",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestPad(t *testing.T) {
	t.Parallel()
	if got := pad("日", 4) + pad("ab", 3) + pad("abc", 1); got != "日  ab abc" {
		t.Errorf("%q", got)
	}
}

// What the table calls a lock can be pasted into a shell.
func TestNamesCanBePasted(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"-x", "a b", "it's", "$(touch pwned)", "`touch pwned`", "#a", "~", "a&b", "a;b", "(a)", "!a", "plain-1.2_é"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name+".lock")
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		s := new(snapshot)
		if err := s.addDirectory(dir, dir); err != nil {
			t.Fatal(err)
		}
		lines := s.listing(nil).lines(style{}, 0)
		shown := strings.TrimSuffix(strings.TrimPrefix(lines[len(lines)-1], "lock  "), "  free")
		cmd := exec.Command("sh", "-c", "cd "+dir+" && printf %s "+shown)
		if out, err := cmd.CombinedOutput(); string(out) != path || err != nil {
			t.Errorf("%s is pasted as %s: %v", shown, out, err)
		}
	}
	if got := pathLabel("-x.lock"); got != "./-x.lock" {
		t.Error(got)
	}
	if got := shellWord("plain-1.2_é"); got != "plain-1.2_é" {
		t.Error(got)
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b[2J\u202e\x9b\xff", 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		got := printable.Text(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Fatalf("%q", got)
		}
		if n = min(max(n, 0), 1000); term.Cells(term.Fit(got, n)) > n {
			t.Fatalf("%q takes more than %d cells", term.Fit(got, n), n)
		}
	})
}

// On a narrow terminal a long name leaves room for the rest, and no line is
// too long.
func TestNarrowTable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	label := strings.Repeat("n", 100)
	l := listing{Time: now, Host: "here", Entries: []item{{
		Kind: fsync.KindLock, Path: "/p", State: stateHeld, label: label,
		Holders: []process{{PID: 4242, User: "root", Host: "there", Command: "rsync -a /srv", Note: "nightly", Since: now.Add(-time.Minute)}},
		Waiters: []process{{}},
	}}}
	lines := l.lines(style{}, 80)
	want := []string{
		"KIND  NAME                                      STATE         PID   USER  HOST …",
		"lock  …nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn  held   holds  4242  root  there…",
		"                                                       waits",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if wide := strings.Join(l.lines(style{}, 0), "\n"); !strings.Contains(wide, label) || !strings.Contains(wide, "rsync -a /srv (nightly)") {
		t.Errorf("cut where there is no terminal: %s", wide)
	}
}

// The frame fits the screen, busy things are on it, and so is what is wrong.
func TestFrame(t *testing.T) {
	t.Parallel()
	s := &snapshot{at: time.Now(), dirs: []string{"dir"}}
	for i := range 100 {
		e := entry{fsync.Entry{Kind: fsync.KindLock, Name: "free", Path: "/free"}, "free"}
		if i == 90 {
			e.label, e.Holders = "busy", []filelock.Holder{{PID: 1}}
		}
		s.entries = append(s.entries, e)
	}
	s.errs = []error{os.ErrPermission}
	deadlock := fsync.Deadlock{{PID: 1, WaitsFor: fsync.Entry{Kind: fsync.KindLock, Path: "/b"}}, {PID: 2, WaitsFor: fsync.Entry{Kind: fsync.KindLock, Path: "/a"}}}
	p := s.pager([]fsync.Deadlock{deadlock}, false)
	for _, height := range []int{24, 12, 5, 2, 1} {
		f := p.frame(s.at, style{}, 60, height, offset{})
		text := strings.Join(f.lines, "\n")
		if len(f.lines) > height || !strings.HasSuffix(text, "of 105; hjkl scroll; q ends") || height > 1 && !strings.Contains(text, "1 of 100 busy in dir") {
			t.Errorf("%d lines of %d: %s", len(f.lines), height, text)
		}
		if height >= 12 && (!strings.Contains(f.lines[6], "busy") || !strings.Contains(text, "pid 1 holds lock a and waits for lock b") || !strings.Contains(text, "permission denied")) {
			t.Errorf("%d lines: %s", height, text)
		}
	}
	all := strings.Join(p.frame(s.at, style{}, 60, 200, offset{}).lines, "\n")
	if !strings.HasSuffix(all, "free\n\n1 of 100 busy in dir; q ends") || strings.Count(all, "free  ") != 99 {
		t.Errorf("%s", all)
	}
}

// Whatever the size of the screen, scrolling leads to every line and every
// column, and no farther; and the last line says what is to be seen.
func TestScroll(t *testing.T) {
	t.Parallel()
	s := &snapshot{at: time.Now()}
	for i := range 30 {
		e := entry{Entry: fsync.Entry{Kind: fsync.KindLock, Path: fmt.Sprintf("/l%d", i)}}
		e.label = e.Path
		for pid := range i % 4 {
			e.Waiters = append(e.Waiters, filelock.Waiter{PID: 100*i + pid + 1, Command: fmt.Sprintf("command %d.%d %send", i, pid, strings.Repeat("x", i))})
		}
		s.entries = append(s.entries, e)
	}
	p := s.pager(nil, false)
	whole := p.frame(s.at, style{}, 1000, 1000, offset{})
	total := p.starts[30]
	for _, size := range []struct{ width, height int }{{80, 24}, {30, 10}, {20, 5}, {200, 6}} {
		seen := map[string]bool{}
		at, last := offset{}, offset{-1, -1}
		for at != last { // down, and columnStep on each page
			f := p.frame(s.at, style{}, size.width, size.height, at)
			for column := 0; ; column += columnStep {
				g := p.frame(s.at, style{}, size.width, size.height, offset{at.line, column})
				for _, line := range g.lines {
					if term.Cells(line) > size.width {
						t.Fatalf("%v: %d cells: %s", size, term.Cells(line), line)
					}
				}
				for _, word := range strings.Fields(strings.Join(g.lines, "\n")) {
					seen[word] = true
				}
				if g.at.column < column {
					break
				}
			}
			last, at = at, f.at
			at = keyPageDown.scroll(at, f.page)
			if f.at.line+f.page >= total {
				at = f.at
			}
		}
		for i := range 30 {
			for pid := range i % 4 {
				if text := fmt.Sprint(100*i + pid + 1); !seen[text] {
					t.Errorf("%v: process %s was never seen", size, text)
				}
			}
		}
		end := p.frame(s.at, style{}, size.width, size.height, keyEnd.scroll(offset{}, 0))
		if want := fmt.Sprintf("%d/%d", total, total); !strings.Contains(strings.ReplaceAll(strings.Join(end.lines, "\n"), " of ", "/"), want) {
			t.Errorf("%v: the end is not %s: %q", size, want, end.lines)
		}
		if start := p.frame(s.at, style{}, size.width, size.height, keyHome.scroll(end.at, 5)); start.at != (offset{}) {
			t.Errorf("%v: the start is %v", size, start.at)
		}
	}
	if last := whole.lines[len(whole.lines)-1]; strings.Contains(last, "scroll") {
		t.Errorf("nothing is cut, and it says %q", last)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	var d keyDecoder
	var got []key
	for _, b := range []byte("j\x1b[A\x1b[B\x1bOC\x1b[5~\x1b[6~q\x1b\x1b[D\x1b[1;5A\x1bxk\x1b[200~\x1b[H") {
		if k, ok := d.next(b); ok {
			got = append(got, k)
		}
	}
	if want := []key{'j', keyUp, keyDown, keyRight, keyPageUp, keyPageDown, 'q', keyLeft, 'x', 'k', keyHome}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A screen on which nothing changes is not drawn on.
func TestDrawOnlyChanges(t *testing.T) {
	t.Parallel()
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	drawn := func(s *screen, width int, lines ...string) string {
		before, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		s.draw(lines, width, 24)
		after, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(after[len(before):])
	}
	s := &screen{out: out}
	for _, c := range []struct{ got, want string }{
		{drawn(s, 80, "a", "b"), "\x1b[2J\x1b[1;1Ha\x1b[K\x1b[2;1Hb\x1b[K"},
		{drawn(s, 80, "a", "b"), ""},
		{drawn(s, 80, "a", "c", "d"), "\x1b[2;1Hc\x1b[K\x1b[3;1Hd\x1b[K"},
		{drawn(s, 80, "a"), "\x1b[2;1H\x1b[K\x1b[3;1H\x1b[K"},
		{drawn(s, 79, "a"), "\x1b[2J\x1b[1;1Ha\x1b[K"},
	} {
		if c.got != c.want {
			t.Errorf("drawn %q, want %q", c.got, c.want)
		}
	}
}

// A look that is dear is repeated less often, and sooner if there is a reason.
func TestIsDue(t *testing.T) {
	t.Parallel()
	deadlocks := []fsync.Deadlock{{{PID: 1}, {PID: 2}}}
	for _, c := range []struct {
		name      string
		cost, age time.Duration
		change    bool
		deadlocks []fsync.Deadlock
		want      bool
	}{
		{name: "cheap", cost: time.Millisecond, age: time.Second, want: true},
		{name: "dear", cost: 50 * time.Millisecond, age: 9 * time.Second},
		{name: "dear, after long", cost: 50 * time.Millisecond, age: 10 * time.Second, want: true},
		{name: "very dear", cost: time.Minute, age: 5 * time.Minute, want: true},
		{name: "a change", cost: 50 * time.Millisecond, age: time.Second, change: true, want: true},
		{name: "one change after the other", cost: 200 * time.Millisecond, age: time.Second, change: true},
		{name: "a circle that may be none", cost: 50 * time.Millisecond, age: time.Second, deadlocks: deadlocks, want: true},
	} {
		w := &watch{pager: (&snapshot{}).pager(nil, false), deadlocks: c.deadlocks, before: "before", cost: c.cost}
		w.fingerprint = func() string {
			if c.change {
				return "after"
			}
			return "before"
		}
		if got := w.isDue(c.age); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A fingerprint sees what comes and goes in a directory, and beside a file.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file.lock")
	ofDirectory := func(fingerprint string) string { // the locks before it are those of the whole machine
		lines := strings.Split(strings.TrimSpace(fingerprint), "\n")
		return lines[len(lines)-1]
	}
	ofDir, ofFile := &query{operands: []string{dir}}, &query{operands: []string{file}}
	for _, name := range []string{"file.lock", "set.event"} {
		if err := os.Chtimes(dir, time.Time{}, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		seen := []string{ofDir.fingerprint(), ofFile.fingerprint()}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		for i, q := range []*query{ofDir, ofFile} {
			if now := q.fingerprint(); ofDirectory(now) == ofDirectory(seen[i]) {
				t.Errorf("%s came, and %q stayed", name, ofDirectory(now))
			}
		}
	}
}

// A circle was there before if it is the same one, wherever it begins.
func TestConfirmed(t *testing.T) {
	t.Parallel()
	link := func(pid int, path string) fsync.Link { return fsync.Link{PID: pid, WaitsFor: fsync.Entry{Path: path}} }
	circle := fsync.Deadlock{link(1, "b"), link(2, "a")}
	if got := confirmed([]fsync.Deadlock{{link(2, "a"), link(1, "b")}}, []fsync.Deadlock{circle}); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	for _, before := range [][]fsync.Deadlock{nil, {{link(1, "b"), link(3, "a")}}, {{link(1, "b"), link(2, "c")}}} {
		if got := confirmed(before, []fsync.Deadlock{circle}); len(got) != 0 {
			t.Errorf("before %+v: %+v", before, got)
		}
	}
}

// A few runs are to be seen without scrolling, however short they were; and
// the time in which a lock was found held, or free, is no wait to be drawn.
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
