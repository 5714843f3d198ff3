package filelock

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/process"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// aRecord is the content of a lock file that a holder may replace: a whole record or the
// beginning of one, then NULs.
var aRecord = regexp.MustCompile(`^\x00\{"fsync":[^\n]*(\n\x00*)?$`)

// FuzzLockFile holds a lock whose file has any content. If the file is empty or has a
// record that a crash left, the holder is recorded, and the file is empty after the hold.
// Any other content stays as it is, also if it was written during the hold.
func FuzzLockFile(f *testing.F) {
	r := process.Self()
	r.Note = "an earlier one"
	record := append([]byte{0}, r.Encode()...)
	r.Note += strings.Repeat("n", process.MaxRecord-len(r.Encode()))
	longest := append([]byte{0}, r.Encode()...)
	for _, content := range [][]byte{
		nil, record, record[:len(record)-1], record[:12], record[:5], record[1:], append(slices.Clone(record), 0, 0), append(slices.Clone(record), 'x'), append(slices.Clone(record), record...),
		longest, append(slices.Clone(longest), 0), append(slices.Clone(longest), "x\n"...), bytes.Repeat([]byte{0}, 4096), []byte("4242\n"), []byte("\x00{\"fsync\":2,\"new\":[]}\n"), bytes.Repeat([]byte("log\n"), 3000),
	} {
		f.Add(content, []byte(nil), "note")
		f.Add([]byte(nil), content, strings.Repeat("\x01", 2000))
	}
	f.Fuzz(func(t *testing.T, content, written []byte, note string) {
		path := filepath.Join(t.TempDir(), "x.lock")
		testproc.Must(t, os.WriteFile(path, content, 0o600))
		before, known := readRecord(path)
		if want, ok := process.Parse(content[min(1, len(content)):]); known != ok || before != want {
			t.Errorf("%q: %+v, %v", content, before, known)
		}
		l := New(path, Note(note))
		if ok, err := l.TryAcquire(); !ok || err != nil {
			t.Fatalf("%q: %v, %v", content, ok, err)
		}
		l.holds[0].recordNow()
		want := content
		if len(content) == 0 || len(content) <= maxContent && aRecord.Match(content) {
			checkRecorded(t, path, note)
			want = nil
		} else {
			checkContent(t, path, content)
		}
		if len(written) > 0 { // by the command that inherited the lock
			testproc.Must(t, os.WriteFile(path, written, 0))
			want = written
		}
		testproc.Must(t, l.Release())
		checkContent(t, path, want)
	})
}

func checkContent(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if testproc.Must(t, err); !bytes.Equal(got, want) {
		t.Errorf("the file has %q, want %q", got, want)
	}
}

func checkRecorded(t *testing.T, path, note string) {
	t.Helper()
	r, ok := readRecord(path)
	note = strings.ToValidUTF8(note, "\uFFFD")
	if !ok || r.PID != os.Getpid() || !strings.HasPrefix(note, r.Note) || len(note) < 500 && note != r.Note || time.Since(r.Since) > time.Hour {
		t.Errorf("%+v, %v, want the note %q", r, ok, note)
	}
	info, err := os.Stat(path)
	if testproc.Must(t, err); info.Size() > maxContent {
		t.Errorf("%d bytes", info.Size())
	}
}

// FuzzGate lets a waiter tell in a gate of any content that it waits. It adds its line to
// lines of waiters, also after a line that a dead process has not ended. Other content stays
// as it is, and the file does not grow without a limit. Only whole records of processes
// that may still wait are read.
func FuzzGate(f *testing.F) {
	line := string(process.Self().Encode())
	for _, text := range []string{"", line, line[:len(line)-1], line + line[:20], "\n" + line, "text\n", "{}\n", process.Mark, "\x00" + line, line + "\n\ntext\n", process.Mark + strings.Repeat(" ", 4000) + "\n"} {
		for _, times := range []byte{1, 17, 33, 255} {
			f.Add(text, times)
		}
	}
	f.Fuzz(func(t *testing.T, text string, times byte) {
		if len(text) > 4096 {
			return
		}
		text = strings.Repeat(text, int(times))
		path := filepath.Join(t.TempDir(), "x.lock")
		g := gateOf(path, cwd.Dir{}, 0o600)
		testproc.Must(t, os.WriteFile(g.path, []byte(text), 0o600))
		isGate := len(text) <= 2*maxLines && (text == "" || strings.HasPrefix(text, `{"fsync":`))
		checkWaiting(t, g, text[:min(len(text), 2*maxLines)])
		w := &waiter{gate: g, since: time.Now()}
		w.tell()
		w.tell() // it has told already
		now, err := os.ReadFile(g.path)
		testproc.Must(t, err)
		if !isGate {
			if string(now) != text {
				t.Errorf("%.100q became %.100q", text, now)
			}
			return
		}
		added, ok := strings.CutPrefix(string(now), text)
		if len(text) >= maxLines {
			added, ok = string(now), len(now) <= process.MaxRecord
		} else if text != "" && !strings.HasSuffix(text, "\n") {
			added, ok = strings.CutPrefix(added, "\n")
		}
		r, whole := process.Parse([]byte(added))
		if !ok || !whole || r.PID != os.Getpid() || !r.Since.Equal(w.since) {
			t.Fatalf("%.100q became %.100q", text, now)
		}
		if got := g.waitingSince()[os.Getpid()]; !got.Equal(w.since) {
			t.Errorf("waits since %v, want %v", got, w.since)
		}
	})
}

// checkWaiting compares the waiters in a gate with those that package encoding/json finds.
func checkWaiting(t *testing.T, g *gate, text string) {
	t.Helper()
	got, lines, isGate := g.waitingSince(), map[int]bool{}, strings.HasPrefix(text, `{"fsync":`)
	for line := range strings.SplitAfterSeq(text, "\n") {
		var r struct{ PID int }
		if strings.HasSuffix(line, "\n") && json.Unmarshal([]byte(line), &r) == nil {
			lines[r.PID] = true
		}
	}
	for pid := range got {
		if !isGate || !lines[pid] || pid <= 0 {
			t.Errorf("%.100q: pid %d waits", text, pid)
		}
	}
	line := string(process.Self().Encode())
	if _, found := got[os.Getpid()]; isGate && (strings.HasPrefix(text, line) || strings.Contains(text, "\n"+line)) && !found {
		t.Errorf("%.100q: this process is not found", text)
	}
}

// FuzzSlots reads any text as the number of slots. An Acquire fails if there is no number,
// or another one than its own, and then changes nothing.
func FuzzSlots(f *testing.F) {
	for _, text := range []string{"1\n", "2\n", "3\n", "10000\n", "10001\n", "2", "+2\n", "02\n", " 2\n", "2\n\n", "2\r\n", "-1\n", "0\n", "two\n", "2_0\n", strings.Repeat("0", 30) + "2\nx", "9223372036854775808\n", "\x00"} {
		f.Add(text)
	}
	number := regexp.MustCompile(`^([1-9][0-9]{0,3}|10000)\n$`)
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" { // another process is about to write the number
			return
		}
		want := 0
		if m := number.FindStringSubmatch(text); m != nil {
			want, _ = strconv.Atoi(m[1])
		}
		dir := t.TempDir()
		testproc.Must(t, os.WriteFile(filepath.Join(dir, slotsFile), []byte(text), 0o600))
		got, err := Slots(dir)
		if got != want || (err == nil) != (want > 0) || err != nil && !errors.Is(err, fs.ErrInvalid) || slotsIn(dir) != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
		s := NewSemaphore(dir, 2)
		ok, err := s.TryAcquire()
		if ok != (want == 2) || err == nil != ok || err != nil && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: acquired %v, %v", text, ok, err)
		}
		if ok {
			testproc.Must(t, s.Release())
		} else if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
			t.Errorf("%q: %v is there, %v", text, files, err)
		}
		checkContent(t, filepath.Join(dir, slotsFile), []byte(text))
	})
}
