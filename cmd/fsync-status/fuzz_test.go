package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/fsync-status/internal/report"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/cmdtest"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/printable"
)

func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// FuzzCommandLine reads any command line. A wrong one is refused with status 64. A right one
// has at most one of the modes. It means the same if its options are written in another
// way.
func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{
		"", "a", "--json a.lock dir", "--watch -a", "--held a.lock", "--report --since 2h j --until 2026-03-14T02:30:00Z", "--repo --unt 1w --since=2026-03-14 a b", "--all -- -a",
		" ", "--json --watch", "--held", "--held a b", "--held a.event", "--report", "--since 1h a", "--report --since noon a", "--report --since 1h --until 2h a", "--report --until 0001-01-01T00:00:00Z a", "--since", "-h", "-aV", "-w", "--watch=1", "--since -- --report a",
	} {
		f.Add(line, uint64(len(line)))
	}
	f.Setenv("FSYNC_DIR", f.TempDir())
	f.Fuzz(func(t *testing.T, line string, way uint64) {
		var args []string
		if line != "" {
			args = strings.Split(line, " ")
		}
		const program = cli.Program("fsync-status")
		q, err := parse(program, args)
		if err != nil {
			cmdtest.CheckRefused(t, program, err)
		} else {
			checkQuery(t, line, q)
		}
		g := cmdtest.Grammar{Options: (&query{program: program}).options(), Mixed: true}
		again, ok := g.Respell(args, way)
		if !ok {
			if err == nil {
				t.Errorf("%q is accepted, but not its options", line)
			}
			return
		}
		other, otherErr := parse(program, again)
		if err == nil && otherErr == nil {
			alignTimes(&q.interval.Since, &other.interval.Since)
			alignTimes(&q.interval.Until, &other.interval.Until)
		}
		if (err == nil) != (otherErr == nil) || err == nil && !reflect.DeepEqual(q, other) {
			t.Errorf("%q: %+v, %v\n%q: %+v, %v", args, q, err, again, other, otherErr)
		}
	})
}

// alignTimes makes two times equal that differ only because they were read at two moments.
func alignTimes(a, b *time.Time) {
	if a.Sub(*b).Abs() < 5*time.Minute && a.IsZero() == b.IsZero() {
		*a = *b
	}
}

// checkQuery fails the test if a query has two modes, or something that its mode does not
// have.
func checkQuery(t *testing.T, line string, q *query) {
	t.Helper()
	modes := 0
	for _, mode := range []bool{q.json, q.watch, q.held, q.report} {
		if mode {
			modes++
		}
	}
	for what, wrong := range map[string]bool{
		"modes":    modes > 1,
		"operands": q.held && len(q.operands) != 1 || q.report && len(q.operands) == 0 || slices.Contains(q.operands, ""),
		"interval": !q.report && q.interval != (report.Interval{}) || q.interval.IsEmpty(),
	} {
		if wrong {
			t.Errorf("%q: %s: %+v", line, what, q)
		}
	}
}

// FuzzClean makes any text fit for a terminal: it becomes printable, and is not too wide
// after it was cut. Text that is printable already stays as it is.
func FuzzClean(f *testing.F) {
	f.Add("\x1b[2J\u202e\x9b\xff", 3)
	f.Add("日本e\u0301é", 4)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = min(max(n, 0), 1000)
		for _, style := range []style{{}, {ascii: true}} {
			got := style.clean(s)
			if !isPrintable(got) || style.ascii && strings.ContainsFunc(got, func(r rune) bool { return r > 0x7e }) {
				t.Fatalf("%q", got)
			}
			if again := style.clean(got); again != got || !style.ascii && isPrintable(s) && got != s {
				t.Errorf("%q became %q, then %q", s, got, again)
			}
			for _, short := range []string{style.fit(got, n), style.fitEnd(got, n)} {
				if term.Cells(short) > n || term.Cells(got) <= n && short != got {
					t.Fatalf("%q takes more than %d cells, or was cut: %q", short, n, got)
				}
			}
		}
		if short := printable.Shorten(s, n); !isPrintable(short) || utf8.RuneCountInString(short) > max(n, 1) {
			t.Errorf("%q in %d characters: %q", s, n, short)
		}
		if short := printable.Cut(s, n); len(short) > n || !strings.HasPrefix(strings.ToValidUTF8(s, "\uFFFD"), short) || printable.Cut(short, n) != short {
			t.Errorf("%q in %d bytes: %q", s, n, short)
		}
	})
}

// FuzzListing prints locks, events and deadlocks with any texts. A program that reads the
// JSON gets the same listing; each line of the table is printable and fits.
func FuzzListing(f *testing.F) {
	f.Add("nightly", "rsync -a /srv", "the disk\nis full", "web1", 4242, 2, int64(1_790_000_000), byte(0), 80)
	f.Add("-\x1b[2J'$(x)", "\u202e\x9b\xff", "\x00", "日本", -1, 0, int64(-1), byte(0xff), 1)
	f.Add("", "", "", "", 0, 10000, int64(0), byte(0x55), 20)
	f.Add(strings.Repeat("n", 300), strings.Repeat("é", 300), "(", ")", math.MaxInt, math.MaxInt, int64(math.MaxInt32), byte(0xaa), 0)
	f.Fuzz(func(t *testing.T, name, command, note, host string, pid, slots int, since int64, kinds byte, width int) {
		l := listingOf(name, command, note, host, pid, slots, time.Unix(since&math.MaxInt32, 0).UTC(), kinds)
		got := throughJSON(t, l)
		if again := throughJSON(t, got); !reflect.DeepEqual(again, got) || len(got.Entries) != len(l.Entries) {
			t.Errorf("%+v became %+v, then %+v", l, got, again)
		}
		if valid(name) == name && (got.Entries[0].Name != name || !reflect.DeepEqual(got.Deadlocks, l.Deadlocks) && valid(command) == command) {
			t.Errorf("%+v became %+v", l, got)
		}
		width = max(width, 0) % 300
		for _, s := range []style{{}, {ascii: true}} {
			lines := l.lines(s, width)
			for _, line := range lines {
				if !isPrintable(line) || width > 0 && term.Cells(line) > width {
					t.Errorf("in %d cells: %q", width, line)
				}
			}
			if len(lines) < len(l.Entries)+1 {
				t.Errorf("%d lines for %d entries", len(lines), len(l.Entries))
			}
		}
	})
}

// throughJSON prints a listing as JSON, which must be printable, and reads it.
func throughJSON(t *testing.T, l listing) (got listing) {
	t.Helper()
	var text bytes.Buffer
	if err := l.writeJSON(&text); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(text.String(), func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }) {
		t.Errorf("not printable: %q", text.String())
	}
	d := json.NewDecoder(&text)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func valid(s string) string { return string([]rune(s)) }

// listingOf returns a listing with an entry of each kind. The bits of kinds choose their
// states.
func listingOf(name, command, note, host string, pid, slots int, since time.Time, kinds byte) listing {
	holder := filelock.Holder{PID: pid, Host: host, Command: command, Note: note, Since: since, Taker: pid, Slot: slots, Shared: kinds&1 != 0}
	s := &snapshot{at: since.Add(time.Hour)}
	for i, kind := range []fsync.Kind{fsync.KindLock, fsync.KindSemaphore, fsync.KindEvent} {
		e := fsync.Entry{Kind: kind, Name: name, Path: "/dir/" + name, Slots: slots & i}
		has := func(bit int) bool { return kinds>>(2*i+bit)&1 != 0 }
		switch {
		case has(1) && has(0):
			e.Err = &exec.Error{Name: name, Err: io.ErrUnexpectedEOF}
		case kind == fsync.KindEvent:
			e.Info = fileevent.Info{Set: has(1), PID: pid, Host: host, Command: command, Note: note, Since: since}
		default:
			e.Holders = []filelock.Holder{holder, {PID: pid + 1, Taker: pid, Slot: slots, Command: note}}
			e.Waiters = []filelock.Waiter{{PID: pid, Command: command, Since: since, Nested: []int{pid}}}
			e.Recorded = []filelock.Record{{Holder: holder, Ended: has(0)}}
			e.POSIX = []filelock.POSIXLock{{PID: pid, Command: command, Slot: slots}}
		}
		if has(0) {
			e.Unknown = note
		}
		s.entries = append(s.entries, entry{e, name})
	}
	return s.listing([]fsync.Deadlock{{{PID: pid, Command: command, WaitsFor: s.entries[0].Entry, HeldBy: pid}}})
}

// FuzzKeys decodes any bytes from a terminal. Whatever came before, an arrow key is
// recognized, and what is kept of a sequence does not grow.
func FuzzKeys(f *testing.F) {
	for _, text := range []string{"q", "\x1b[A\x1bOB", "\x1b", "\x1b[", "\x1b\x1b[5~", "\x1b[1;5A", "\x1b[" + strings.Repeat("9", 1000), "é\x1bé", "\x1bq\x80\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var d keyDecoder
		keys := 0
		for _, b := range text {
			k, ok := d.next(b)
			if ok {
				keys++
			}
			if !bytes.ContainsRune(text, '\x1b') && (k != key(b) || !ok) {
				t.Fatalf("%q is key %d, %v", b, k, ok)
			}
			if len(d.rest) > longestSequence+1 {
				t.Fatalf("%d bytes are kept", len(d.rest))
			}
		}
		if keys > len(text) {
			t.Errorf("%d keys in %q", keys, text)
		}
		var k key
		var ok bool
		for _, b := range []byte("\x1b[A") {
			k, ok = d.next(b)
		}
		if k != keyUp || !ok {
			t.Errorf("after %q an arrow is key %d, %v", text, k, ok)
		}
		if k, ok = d.next('q'); k != 'q' || !ok {
			t.Errorf("after an arrow q is key %d, %v", k, ok)
		}
	})
}

// FuzzShellWord lets a shell read names as the table shows them: it reads the same name.
func FuzzShellWord(f *testing.F) {
	for _, name := range []string{"a", "a b", "'", `\`, "$(x)", "~", "*", "a=b", "-n", "#a", "a\u00a0b", "", "!x", "{a,b}", "日本"} {
		f.Add(name)
	}
	if _, err := exec.LookPath("sh"); err != nil {
		f.Skip(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name = (style{}).clean(name); name == "" {
			return
		}
		cmd := exec.Command("sh", "-c", "printf '%s\n' "+shellWord(name))
		cmd.Dir, cmd.Env = t.TempDir(), []string{"PATH="} // a word that is not quoted finds no command
		if got, err := cmd.CombinedOutput(); err != nil || string(got) != name+"\n" {
			t.Errorf("%s is read as %q, %v", shellWord(name), got, err)
		}
	})
}
