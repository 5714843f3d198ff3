package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

var three = time.Date(2026, 1, 2, 3, 0, 0, 123456, time.UTC)

func numbered(writer, i int) Run {
	return Run{
		Start: three.Add(time.Duration(i) * time.Second), Lock: "/run/lock/backup.lock", Command: []string{"backup", "-a"},
		PID: writer, Host: "web1", Held: time.Second, Outcome: Ran, Status: i,
	}
}

func mustAppend(t testing.TB, path string, r Run, maxSize int64) {
	t.Helper()
	if err := Append(path, r, maxSize); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t testing.TB, path string) []Run {
	t.Helper()
	runs, unread, err := ReadFile(path)
	if err != nil || unread.Total() > 0 {
		t.Fatal(unread, err)
	}
	return runs
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	var runs []Run
	for i, outcome := range Outcomes() {
		if outcome == Running {
			continue // see TestRunning
		}
		runs = append(runs, Run{
			Start: three, Lock: "/l", Name: "a b", Command: []string{"sh", "-c", "echo \"\x1b[2J\u202e\u009b</script>\U000e0001ü\n"},
			PID: 1 << 30, Host: "h", User: "u", Waited: time.Microsecond, Held: 123456*time.Hour + 789*time.Microsecond,
			Outcome: outcome, Status: i, Signal: "TERM", Reason: "held by\tpid 1",
		})
	}
	runs = append(runs, Run{Start: three, Lock: "/l", Outcome: Skipped}, Run{Start: three, Kind: KindEvent, Lock: "/e and /f", Outcome: Ran})
	for _, r := range runs {
		mustAppend(t, path, r, 0)
	}
	if got := mustRead(t, path); !reflect.DeepEqual(got, runs) {
		t.Errorf("read %+v\nwant %+v", got, runs)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(string(text), "\x1b\u202e\u009b\x7f\U000e0001") {
		t.Errorf("not printable: %q", text)
	}
	if !strings.HasPrefix(string(text), mark+"1,") {
		t.Errorf("the version is not the first field: %s", text)
	}
	if !strings.Contains(string(text), `</script>`) || !strings.Contains(string(text), "ü") {
		t.Errorf("escaped without need: %s", text)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
}

// The two lines of a run are read as one run, with the end if that is recorded. The
// second line may be in the next file.
func TestRunning(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	lines := func(i int, outcomes ...Outcome) {
		for n, outcome := range outcomes {
			r := numbered(i, i)
			r.Outcome, r.Held = outcome, time.Duration(n+1)*time.Second
			mustAppend(t, path, r, 0)
		}
	}
	lines(1, Running)
	lines(2, Running, Ran)
	lines(3, Running)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	lines(3, Killed)
	lines(4, Signalled)
	lines(5, Running, Running)
	var got []string
	unread, err := Each(path, func(r Run) { got = append(got, fmt.Sprintf("%d %s %v", r.PID, r.Outcome, r.Held)) })
	want := []string{"2 ran 2s", "3 killed 1s", "4 signalled 1s", "1 running 1s", "5 running 2s"}
	if err != nil || unread.Total() > 0 || !slices.Equal(got, want) {
		t.Errorf("%v, %v, %q, want %q", unread, err, got, want)
	}
	if got := mustRead(t, path); len(got) != len(want) || got[4].Outcome != Running {
		t.Errorf("%+v", got)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if runs, _, err := Read(bytes.NewReader(text)); len(runs) != 3 || runs[2].Outcome != Running || err != nil {
		t.Errorf("Read: %+v, %v", runs, err)
	}
}

// The lines in this test are of version 1 and must never change: older readers read what
// this package writes, and this package reads what older writers wrote.
func TestFormat(t *testing.T) {
	t.Parallel()
	all := Run{
		Start: three, Kind: KindEvent, Lock: "/e and /f", Name: "a b", Command: []string{"sh", "-c", "echo \"\x1b[2J\u202e\u009b</script>\U000e0001ü\x7f\\\n"},
		PID: 4242, Host: "h", User: "u", Waited: time.Microsecond, Held: 123456*time.Hour + 789*time.Microsecond,
		Outcome: Ran, Status: 3, Signal: "TERM", Reason: "a\u2028b",
	}
	for _, c := range []struct {
		run  Run
		line string
	}{
		{all, `{"fsync_run":1,"start":"2026-01-02T03:00:00.000123456Z","kind":"event","lock":"/e and /f","name":"a b","command":["sh","-c","echo \"\u001b[2J\u202e\u009b</script>\udb40\udc01ü\u007f\\\n"],` +
			`"pid":4242,"host":"h","user":"u","waited_seconds":0.000001,"held_seconds":444441600.000789,"outcome":"ran","exit_status":3,"signal":"TERM","reason":"a\u2028b"}`},
		{Run{Start: three, Lock: "/l", Outcome: Skipped}, `{"fsync_run":1,"start":"2026-01-02T03:00:00.000123456Z","lock":"/l","waited_seconds":0,"held_seconds":0,"outcome":"skipped","exit_status":0}`},
	} {
		if run, kind := decode([]byte(c.line)); kind != lineRun || !reflect.DeepEqual(run, c.run) {
			t.Errorf("read %+v\nwant %+v", run, c.run)
		}
		c.run.Start = c.run.Start.In(time.FixedZone("east", 3600)) // it is written in UTC
		if text, err := c.run.encode(); err != nil || string(text) != c.line+"\n" {
			t.Errorf("wrote %s, %v\nwant  %s", text, err, c.line)
		}
	}
}

// Append refuses runs and files that it must not write, and leaves nothing behind.
func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "journal")
	for name, change := range map[string]func(*Run){
		"outcome":  func(r *Run) { r.Outcome = "lost" },
		"lock":     func(r *Run) { r.Lock = "" },
		"start":    func(r *Run) { r.Start = time.Time{} },
		"year":     func(r *Run) { r.Start = three.AddDate(9000, 0, 0) },
		"waited":   func(r *Run) { r.Waited = -1 },
		"waited 2": func(r *Run) { r.Waited = maxTime + 1 },
		"held":     func(r *Run) { r.Held = maxTime + 1 },
		"held 2":   func(r *Run) { r.Held = -1 },
		"early":    func(r *Run) { r.Start = time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC) },
		"late":     func(r *Run) { r.Start = time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC) },
		"pid":      func(r *Run) { r.PID = -1 },
		"too long": func(r *Run) { r.Lock = strings.Repeat("x", maxLine) },
	} {
		r := numbered(1, 1)
		change(&r)
		err := Append(path, r, 0)
		if !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Append(filepath.Join(dir, "a.lock"), numbered(1, 1), 0); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("the name of a lock file: %v", err)
	}
	if err := Append(filepath.Join(dir, "missing", "journal"), numbered(1, 1), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The largest and the smallest values that are allowed are written and read.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Run){
		"early":   func(r *Run) { r.Start = time.Unix(0, 0).UTC() },
		"late":    func(r *Run) { r.Start = time.Date(2200, 12, 31, 23, 59, 59, 0, time.UTC) },
		"at once": func(r *Run) { r.Waited, r.Held = 0, 0 },
		"long":    func(r *Run) { r.Waited, r.Held = maxTime, maxTime },
		"no pid":  func(r *Run) { r.PID = 0 },
	} {
		r := numbered(1, 1)
		change(&r)
		line, err := r.encode()
		if again, kind := decode(line); err != nil || kind != lineRun || !reflect.DeepEqual(again, r) {
			t.Errorf("%s: %v, read as %+v", name, err, again)
		}
	}
	// The longest line that is written is read.
	r := numbered(1, 1)
	line, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	r.Lock += strings.Repeat("x", maxLine-len(line))
	line, err = r.encode()
	if err != nil || len(line) != maxLine {
		t.Fatalf("%d bytes, %v", len(line), err)
	}
	if runs, unread, err := Read(bytes.NewReader(line)); len(runs) != 1 || unread.Total() > 0 || err != nil {
		t.Errorf("a line of %d bytes: %d runs, %v, %v", len(line), len(runs), unread, err)
	}
	r.Lock += "x"
	if line, err := r.encode(); err == nil {
		t.Errorf("a line of %d bytes is written", len(line))
	}
}

func TestCuts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n           int
		words, want []string
	}{
		{100, []string{"abc", "d"}, []string{"abc", "d"}},
		{6, []string{"abc", "d"}, []string{"abc", "d"}},
		{5, []string{"abc", "d"}, []string{"abc", "…"}},
		{4, []string{"abc", "d"}, []string{"abc", "…"}},
		{3, []string{"abc", "d"}, []string{"ab…"}},
		{2, []string{"abc", "d"}, []string{"a…"}},
		{0, []string{"abc"}, []string{"…"}},
	} {
		if got := cutAll(c.words, c.n); !slices.Equal(got, c.want) {
			t.Errorf("cutAll(%q, %d) = %q, want %q", c.words, c.n, got, c.want)
		}
	}
	if whole, part := cut("abc", 3), cut("abcd", 3); whole != "abc" || part != "abc…" {
		t.Errorf("%q and %q", whole, part)
	}
}

func TestLongCommandIsCut(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	r := numbered(1, 1)
	for range 1000 {
		r.Command = append(r.Command, strings.Repeat("\x01", 1000), "ü")
	}
	r.Reason = "x" + strings.Repeat("ü", maxReason)
	before := slices.Clone(r.Command)
	mustAppend(t, path, r, 0)
	got := mustRead(t, path)[0]
	n := 0
	for _, word := range got.Command {
		n += len(word) + 1
	}
	if last := got.Command[len(got.Command)-1]; !strings.HasSuffix(last, "…") || n > maxCommand+8 || n < maxCommand-8 {
		t.Errorf("%d bytes; the last word ends in %q", n, last[max(len(last)-8, 0):])
	}
	if !strings.HasSuffix(got.Reason, "üü…") || len(got.Reason) > maxReason+8 {
		t.Errorf("%d bytes of a reason", len(got.Reason))
	}
	if !slices.Equal(r.Command, before) {
		t.Error("the caller's command was changed")
	}
}

// If many processes append at once, each line is in the journal once, as a whole, and
// in the order of its writer.
func TestConcurrentAppends(t *testing.T) {
	t.Parallel()
	for _, rotated := range []bool{false, true} {
		t.Run(fmt.Sprintf("rotated=%v", rotated), func(t *testing.T) {
			t.Parallel()
			const writers, each = 8, 100
			path := filepath.Join(t.TempDir(), "journal")
			maxSize := 0
			if rotated { // once
				text, err := numbered(1, each-1).encode()
				if err != nil {
					t.Fatal(err)
				}
				maxSize = len(text) * writers * each * 6 / 10
			}
			var procs []*testproc.Proc
			for w := range writers {
				procs = append(procs, testproc.Start(t, "append", path, strconv.Itoa(w+1), strconv.Itoa(each), strconv.Itoa(maxSize)))
			}
			for _, p := range procs {
				p.Send("go")
			}
			for _, p := range procs {
				p.Wait()
			}
			next := map[int]int{}
			for _, r := range mustRead(t, path) {
				if r.Status != next[r.PID] {
					t.Fatalf("writer %d: run %d, want %d", r.PID, r.Status, next[r.PID])
				}
				next[r.PID]++
			}
			for w := 1; w <= writers; w++ {
				if next[w] != each {
					t.Errorf("writer %d: %d runs", w, next[w])
				}
			}
			if _, err := os.Stat(path + ".1"); rotated != (err == nil) {
				t.Errorf("older runs: %v", err)
			}
		})
	}
}

// A reader finds no run twice while the journal is rotated, and misses no run between two
// others. On a busy machine the time ends before the writer does.
func TestReadWhileRotated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	mustAppend(t, path, numbered(1, 0), 0)
	writer := testproc.Start(t, "append", path, "1", "4000", "1200")
	writer.Send("go")
	for end := time.Now().Add(5 * time.Second); !writer.Exited() && time.Now().Before(end); {
		runs := mustRead(t, path)
		for i := range runs {
			if i > 0 && runs[i].Status != 0 && runs[i].Status != runs[i-1].Status+1 {
				t.Fatalf("run %d comes after run %d", runs[i].Status, runs[i-1].Status)
			}
		}
	}
	if writer.Exited() {
		writer.Wait()
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	text, err := numbered(1, 1).encode()
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(text))
	statuses := func(path string) string {
		f, err := os.Open(path)
		if err != nil {
			return "none"
		}
		defer f.Close()
		runs, _, err := Read(f)
		if err != nil {
			t.Fatal(err)
		}
		var s []string
		for _, r := range runs {
			s = append(s, strconv.Itoa(r.Status))
		}
		return strings.Join(s, " ")
	}
	for i, want := range []struct{ newer, older string }{
		{"0", "none"}, {"0 1", "none"}, {"2", "0 1"}, {"2 3", "0 1"}, {"4", "2 3"},
	} {
		mustAppend(t, path, numbered(1, i), 2*size)
		if newer, older := statuses(path), statuses(path+".1"); newer != want.newer || older != want.older {
			t.Fatalf("after run %d: %s and %s, want %+v", i, newer, older, want)
		}
	}
	// The limit is smaller than a line, so each line has a file of its own.
	mustAppend(t, path, numbered(1, 5), 1)
	mustAppend(t, path, numbered(1, 6), 1)
	if newer, older := statuses(path), statuses(path+".1"); newer != "6" || older != "5" {
		t.Errorf("%s and %s", newer, older)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if runs := mustRead(t, path); len(runs) != 1 || runs[0].Status != 5 {
		t.Errorf("PATH is missing: %+v", runs)
	}
	if err := os.Remove(path + ".1"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadFile(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path+":") {
		t.Errorf("both files are missing: %v", err)
	}
}

// If a journal cannot be rotated, the line is written, and Append returns an error.
// Rotation does not replace a directory, even an empty one.
func TestRotationFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	if err := os.Mkdir(path+".1", 0o777); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, path, numbered(1, 0), 1)
	var pathErr *fs.PathError
	if err := Append(path, numbered(1, 1), 1); !errors.As(err, &pathErr) || pathErr.Op != "rename" || pathErr.Path != path || strings.Count(err.Error(), path) != 1 {
		t.Errorf("error %v", err)
	}
	if names, _ := filepath.Glob(path + "*"); len(names) != 2 {
		t.Errorf("there are %q", names)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if runs, _, err := Read(f); len(runs) != 2 || err != nil {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	if _, _, err := ReadFile(path); err == nil {
		t.Error("a directory was read as a journal")
	}
}

// If the file was rotated, the line is not written yet, even if there is no time left.
func TestRotatedAtTheLastMoment(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	mustAppend(t, path, numbered(1, 0), 0)
	for _, want := range []bool{true, false} {
		if again, err := appendOnce(path, []byte("x\n"), 1, 0); again != want || err != nil {
			t.Errorf("again is %v, %v, want %v", again, err, want)
		}
	}
	if text, err := os.ReadFile(path); string(text) != "x\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// A partial line is lost, but no other line.
func TestTornLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	whole, err := numbered(1, 7).encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		left string
		want Unread
		runs int
	}{
		{string(whole[:1]), Unread{Torn: 1}, 1},
		{string(whole[:len(whole)/2]), Unread{Torn: 1}, 1},
		{string(whole[:len(whole)-1]), Unread{}, 2}, // without its newline
		{"\x00\x00\x00", Unread{Torn: 1}, 1},
		{"\n\n \n", Unread{}, 1},
	} {
		if err := os.WriteFile(path, []byte(c.left), 0o600); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, path, numbered(1, 8), 0)
		runs, unread, err := ReadFile(path)
		if err != nil || unread != c.want || len(runs) != c.runs || runs[len(runs)-1].Status != 8 {
			t.Errorf("after %q: %d runs, %+v, %v", c.left, len(runs), unread, err)
		}
	}
}

func TestUnread(t *testing.T) {
	t.Parallel()
	text, err := numbered(1, 7).encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	with := func(old, new string) string {
		changed := strings.Replace(good, old, new, 1)
		if changed == good {
			t.Fatalf("%s is not in %s", old, good)
		}
		return changed
	}
	for _, c := range []struct {
		text string
		want Unread
	}{
		{good, Unread{}},
		{strings.TrimSuffix(good, "\n"), Unread{}},
		{strings.ReplaceAll(good, "\n", "\r\n"), Unread{}},
		{with(`"pid":`, `"later": [{}], "pid": `), Unread{}},
		{with(`_run":1`, `_run":2`), Unread{Future: 1}},
		{with(`_run":1,"start":"2`, `_run":2,"start":["2"],"s":"`), Unread{Future: 1}},
		{with(`_run":1`, `_run":0`), Unread{Foreign: 1}},
		{with(`_run":1`, `_run":-1`), Unread{Foreign: 1}},
		{with(`"ran"`, `"eaten"`), Unread{Foreign: 1}},
		{with(`"start":"`, `"start":"x`), Unread{Foreign: 1}},
		{with(`"start"`, `"begin"`), Unread{Foreign: 1}},
		{with(`"held_seconds":1`, `"held_seconds":-1`), Unread{Foreign: 1}},
		{with(`"held_seconds":1`, `"held_seconds":1e300`), Unread{Foreign: 1}},
		{with(`"held_seconds":1`, `"held_seconds":-1e300`), Unread{Foreign: 1}},
		{with(`"held_seconds":1`, `"held_seconds":1e999`), Unread{Foreign: 1}},
		{with(`"pid":1`, `"pid":99999999999999999999`), Unread{Foreign: 1}},
		{with(`"pid":1`, `"pid":1.5`), Unread{Foreign: 1}},
		{with(`"pid":1`, `"pid":7,"pid":1`), Unread{}},
		{with(`"host":"web1"`, "\"host\":\"web\xff\""), Unread{}},
		{with(`"host":"web1"`, "\"host\":\"web\x00\""), Unread{Torn: 1}},
		{with(`"host":"web1"`, `"host":"\u0000\ud800"`), Unread{}},
		{"\x00\x00" + good, Unread{Torn: 1}},
		{with(`"pid":1`, `"pid":"1"`), Unread{Foreign: 1}},
		{"{}\n[]\nnull\n1\nnot JSON\n{\"fsync\":1}\n", Unread{Foreign: 6}},
		{good[:20] + "\n" + good + good[:3], Unread{Torn: 2}},
		{good[:30] + good, Unread{Torn: 1}},
		{strings.Repeat("x", maxLine) + "\n" + good, Unread{Long: 1}},
		{mark + strings.Repeat("x", maxLine), Unread{Long: 1}},
		{strings.Repeat("x", maxLine-1) + "\n", Unread{Foreign: 1}},
		{mark + strings.Repeat("[", maxLine/2) + "\n", Unread{Torn: 1}},
	} {
		runs, unread, err := Read(strings.NewReader(c.text))
		shown := c.text[:min(len(c.text), 300)]
		if err != nil || unread != c.want {
			t.Errorf("%+v, %v; want %+v: %s", unread, err, c.want, shown)
		}
		if n := len(runs); n != strings.Count(c.text, good[30:len(good)-1]) && c.want == (Unread{}) && n != 1 {
			t.Errorf("%d runs: %s", n, shown)
		}
	}
	if got := (Unread{Torn: 2, Future: 1}).String(); got != "2 torn, 1 of a later version" {
		t.Error(got)
	}
	if got := (Unread{1, 2, 3, 4}).String() + (Unread{}).String(); got != "1 torn, 2 not of a journal, 3 of a later version, 4 too longnone" {
		t.Error(got)
	}
	if n := (Unread{1, 2, 3, 4}).Total(); n != 10 {
		t.Error(n)
	}
}

// endless is a reader of n bytes without a newline.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.n)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.n -= n
	return n, nil
}

// Read needs little memory for a very long line.
func TestEndlessLine(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, unread, err := Read(&endless{100 << 20})
	runtime.ReadMemStats(&after)
	if err != nil || unread != (Unread{Long: 1}) {
		t.Error(unread, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes", used)
	}
}

func TestReadError(t *testing.T) {
	t.Parallel()
	text, err := numbered(1, 7).encode()
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	runs, _, err := Read(io.MultiReader(bytes.NewReader(text), &failing{broken}))
	if len(runs) != 1 || err != broken {
		t.Errorf("%d runs, %v", len(runs), err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// Append waits for another process that has locked the journal, but not for ever.
func TestLockedJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	lock := filelock.New(lockPath(path))
	if ok, err := lock.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	_, err := appendOnce(path, []byte("x\n"), 0, 20*time.Millisecond)
	if !errors.Is(err, filelock.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	done := make(chan error)
	go func() { done <- Append(path, numbered(1, 1), 0) }()
	testproc.AwaitWaiters(t, lockPath(path), 1)
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		t.Error("a line was written while another process had the lock")
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func BenchmarkAppend(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal")
	r := numbered(1, 1)
	for b.Loop() {
		mustAppend(b, path, r, 16<<20)
	}
}

// BenchmarkFirstAppend measures Append in a process that appends once.
func BenchmarkFirstAppend(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal")
	var sum time.Duration
	for b.Loop() {
		out := testproc.Start(b, "first", path)
		d, err := time.ParseDuration(out.Line())
		if err != nil {
			b.Fatal(err)
		}
		sum += d
		out.Wait()
	}
	b.ReportMetric(float64(sum.Microseconds())/float64(b.N), "us/first")
}
