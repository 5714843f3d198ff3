package journal

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// FuzzRead reads any text as a journal. The runs do not depend on how many bytes each read
// returns, and a line does not change the meaning of the others. Each run that was read can
// be written, and is then read as the same run.
func FuzzRead(f *testing.F) {
	text, err := numbered(1, 7).encode()
	if err != nil {
		f.Fatal(err)
	}
	running := bytes.Replace(text, []byte(`"ran"`), []byte(`"running"`), 1)
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte("{\"fsync_run\":2}\n\x00{\"fsync_run\":1}\n[[[[\n"))
	f.Add(slices.Concat(running, text, running, []byte("\n\n \t\r\n"), text[:20]))
	f.Add(bytes.Replace(text, []byte(`"waited_seconds":`), []byte(`"waited_seconds":1e-7,"WAITED_SECONDS":0.1`), 1))
	f.Add(bytes.Replace(text, []byte(`"start":`), []byte(`"start":"2199-12-31T23:59:59.999999999-23:59","more":`), 1))
	f.Add([]byte("\u2003{\"fsync_run\":1,\"start\":\"1970-01-01T00:00:00Z\",\"lock\":\"\\u0000\\ud800\",\"waited_seconds\":630720000,\"outcome\":\"skipped\"}\u2003"))
	f.Fuzz(func(t *testing.T, text []byte) {
		runs, unread, err := Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(runs) + unread.Total(); n > bytes.Count(text, []byte("\n"))+1 {
			t.Fatalf("%d of %d lines", n, bytes.Count(text, []byte("\n"))+1)
		}
		slow, slowUnread, err := Read(iotest.HalfReader(bytes.NewReader(text)))
		if !reflect.DeepEqual(slow, runs) || slowUnread != unread || err != nil {
			t.Fatalf("%+v, %v; in small pieces %+v, %v, %v", runs, unread, slow, slowUnread, err)
		}
		checkLines(t, text, runs, unread)
		for _, r := range runs {
			checkAgain(t, r)
		}
	})
}

// checkLines reads each line as a journal of its own.
func checkLines(t *testing.T, text []byte, runs []Run, unread Unread) {
	t.Helper()
	var alone []Run
	var sum Unread
	for line := range bytes.Lines(text) {
		r, u, err := Read(bytes.NewReader(line))
		if err != nil || len(r)+u.Total() > 1 {
			t.Fatalf("%q: %+v, %v, %v", line, r, u, err)
		}
		alone = append(alone, r...)
		sum = Unread{sum.Torn + u.Torn, sum.Foreign + u.Foreign, sum.Future + u.Future, sum.Long + u.Long}
	}
	if sum != unread {
		t.Fatalf("%v, line by line %v", unread, sum)
	}
	// A run that was running has one more line, before that of its end.
	var want []Run
	var open []Run
	for i, r := range alone {
		same := func(other Run) bool { return other.identity() == r.identity() }
		if r.Outcome != Running {
			want = append(want, r)
		} else if !slices.ContainsFunc(alone[i+1:], same) {
			open = append(open, r)
		}
	}
	if len(runs) != len(want)+len(open) || !slices.EqualFunc(runs[:len(want)], want, func(a, b Run) bool { return reflect.DeepEqual(a, b) }) {
		t.Fatalf("%+v, line by line %+v and %+v", runs, want, open)
	}
}

// checkAgain writes and reads a run that was read.
func checkAgain(t *testing.T, r Run) {
	t.Helper()
	line, err := r.encode()
	if err != nil {
		if len(r.Lock)+len(r.Kind)+len(r.Host)+len(r.Name)+len(r.User)+len(r.Signal) > maxLine/16 {
			return
		}
		t.Fatalf("%+v: %v", r, err)
	}
	if bytes.IndexByte(line, '\n') != len(line)-1 || !json.Valid(line) || len(line) > maxLine {
		t.Fatalf("not one line: %q", line)
	}
	again, kind := decode(line)
	r.Command, r.Reason = cutAll(r.Command, maxCommand), cut(r.Reason, maxReason)
	if len(r.Command) == 0 {
		r.Command, again.Command = nil, nil
	}
	if kind != lineRun || !reflect.DeepEqual(again, r) {
		t.Fatalf("read %+v, then %+v", r, again)
	}
}

// FuzzAppend appends a run to a file with any content. A run that Append accepts is read
// again, after all that was read before, and the former content is still there: in the file,
// or in the older file. A run that Append refuses changes nothing.
func FuzzAppend(f *testing.F) {
	text, err := numbered(1, 7).encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, before := range [][]byte{nil, text, text[:40], []byte("text"), bytes.Repeat([]byte{0}, 100), append(slices.Clone(text), text[:1]...)} {
		for _, maxSize := range []int64{0, 1, int64(len(text)), 1000, -1} {
			f.Add(before, "/run/lock/backup.lock", "backup\x00-a\x00", "web1", "an error\n", "ran", int64(1_800_000_000_123_456_789), int64(1234567), int64(time.Hour), 4242, 1, maxSize)
		}
	}
	f.Add([]byte("\n"), "\xff\u2028", strings.Repeat("é", 9000)+"\x00b", "\x1b", strings.Repeat("\x01", 5000), "running", int64(0), int64(0), int64(0), 0, -1, int64(100))
	f.Add([]byte(""), "", "", "", "", "", int64(-1), int64(-1), int64(-1), -1, 0, int64(0))
	f.Add([]byte(""), "/l", "a", "", strings.Repeat("\xff", maxReason), "skipped", int64(0), int64(0), int64(0), 1, 0, int64(0))
	f.Add([]byte(""), "/l", strings.Repeat("a\x00", 10000), strings.Repeat("h", 200000), "", "skipped", int64(7_289_000_000_000_000_000), int64(maxTime), int64(maxTime)+1, 1, 0, int64(0))
	f.Fuzz(func(t *testing.T, before []byte, lock, command, host, reason, outcome string, start, waited, held int64, pid, status int, maxSize int64) {
		path := filepath.Join(t.TempDir(), "journal")
		testproc.Must(t, os.WriteFile(path, before, 0o600))
		was, wasUnread, err := ReadFile(path)
		testproc.Must(t, err)
		r := Run{Start: time.Unix(0, start), Lock: lock, Host: host, Waited: time.Duration(waited), Held: time.Duration(held), PID: pid, Outcome: Outcome(outcome), Status: status, Reason: reason}
		if command != "" {
			r.Command = strings.Split(command, "\x00")
		}
		err = Append(path, r, maxSize)
		now, nowUnread, readErr := ReadFile(path)
		testproc.Must(t, readErr)
		if err != nil {
			if checkErr := r.check(); checkErr == nil && len(lock)+len(host) < maxLine/16 || !reflect.DeepEqual(now, was) {
				t.Errorf("%+v: %v; then %+v is read, before %+v", r, err, now, was)
			}
			return
		}
		if nowUnread != wasUnread {
			t.Errorf("after %q: %v, then %v", before, wasUnread, nowUnread)
		}
		checkAppended(t, r, was, now)
		checkKept(t, path, before, maxSize)
	})
}

// checkAppended fails the test unless the runs are those of before and r.
func checkAppended(t *testing.T, r Run, before, now []Run) {
	t.Helper()
	line, err := r.encode()
	testproc.Must(t, err)
	want, kind := decode(line)
	if kind != lineRun {
		t.Fatalf("%q is not read", line)
	}
	all := slices.DeleteFunc(slices.Clone(before), func(b Run) bool { return b.Outcome == Running && b.identity() == want.identity() })
	if len(now) != len(all)+1 || !slices.ContainsFunc(now, func(n Run) bool { return reflect.DeepEqual(n, want) }) {
		t.Errorf("%+v and %+v are read as %+v", before, want, now)
	}
	// What was written is what was given, to the microsecond, and perhaps cut.
	valid := func(s string) string { return string([]rune(s)) }
	sameText := want.Lock == valid(r.Lock) && want.Host == valid(r.Host) && len(want.Reason) <= len(valid(r.Reason[:min(len(r.Reason), maxReason)])+"…")
	sameTime := want.Start.Equal(r.Start) && (want.Waited-r.Waited).Abs() <= time.Microsecond/2 && (want.Held-r.Held).Abs() <= time.Microsecond/2
	if !sameText || !sameTime || want.PID != r.PID || want.Status != r.Status || want.Outcome != r.Outcome {
		t.Errorf("%+v became %+v", r, want)
	}
	if size := len(strings.Join(r.Command, " ")); size < maxCommand && strings.Join(want.Command, "\x00") != valid(strings.Join(r.Command, "\x00")) {
		t.Errorf("%q became %q", r.Command, want.Command)
	}
}

// checkKept fails the test unless the former content is in one of the two files, and the
// newer file is no larger than maxSize, or has only one line.
func checkKept(t *testing.T, path string, before []byte, maxSize int64) {
	t.Helper()
	newer, err := os.ReadFile(path)
	testproc.Must(t, err)
	older, err := os.ReadFile(path + ".1")
	rotated := err == nil
	if rotated && !bytes.Equal(older, before) || !rotated && !bytes.HasPrefix(newer, before) {
		t.Errorf("%q became %q and %q", before, older, newer)
	}
	if lines := bytes.Count(newer, []byte("\n")); maxSize > 0 && int64(len(newer)) > maxSize+1 && (len(before) > 0 && !rotated || lines != 1) {
		t.Errorf("%d bytes in %d lines, at most %d are allowed", len(newer), lines, maxSize)
	}
}
