package filelock_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/process"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func init() { roles["noted"] = noted }

// noted PATH NOTE: holds the lock with a note, until it hears a line.
func noted(args []string) error {
	l := filelock.New(args[0], filelock.Note(args[1]))
	if ok, err := l.TryAcquire(); !ok {
		return fmt.Errorf("not acquired: %w", err)
	}
	fmt.Println("acquired")
	if _, err := testproc.Hear(); err != nil {
		return nil
	}
	if err := l.Release(); err != nil {
		return err
	}
	fmt.Println("released")
	_, err := testproc.Hear()
	return err
}

// startNoted starts a process that holds the lock with a note.
func startNoted(t testing.TB, path, note string) *testproc.Proc {
	t.Helper()
	p := testproc.Start(t, "noted", path, note)
	p.Expect("acquired")
	return p
}

// startRecorded is startNoted, but also waits for the record in the lock file.
func startRecorded(t testing.TB, path, note string) (*testproc.Proc, process.Record) {
	t.Helper()
	p := startNoted(t, path, note)
	return p, awaitRecord(t, path)
}

// holdRecorded returns a held Lock with a record in its file.
func holdRecorded(t testing.TB) (*filelock.Lock, process.Record) {
	t.Helper()
	l := filelock.New(lockPath(t))
	mustAcquire(t, l)
	return l, awaitRecord(t, l.Path())
}

func content(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

// awaitRecord waits until a record is in the lock file.
func awaitRecord(t testing.TB, path string) process.Record {
	t.Helper()
	var r process.Record
	testproc.Until(t, "there is a record in "+path, func() bool {
		text, ok := strings.CutPrefix(content(t, path), "\x00")
		if ok {
			r, ok = process.Parse([]byte(text))
		}
		return ok
	})
	return r
}

// awaitOtherRecord waits until a new hold on another file has been recorded. An older hold
// would have been recorded by then, too.
func awaitOtherRecord(t testing.TB) {
	t.Helper()
	l, _ := holdRecorded(t)
	mustRelease(t, l)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o666))
}

// mustBeEmpty fails the test if the lock file has content.
func mustBeEmpty(t testing.TB, path string) {
	t.Helper()
	if text := content(t, path); text != "" {
		t.Errorf("%s contains %.80q", path, text)
	}
}

// mustRecord fails the test unless a new hold gets a record, and removes it at its end.
func mustRecord(t testing.TB, path string) {
	t.Helper()
	l := filelock.New(path)
	mustAcquire(t, l)
	if r := awaitRecord(t, path); r.PID != os.Getpid() {
		t.Errorf("the record is %+v", r)
	}
	mustRelease(t, l)
	mustBeEmpty(t, path)
}

func writeRecord(t testing.TB, path string, r process.Record) {
	t.Helper()
	write(t, path, "\x00"+string(r.Encode()))
}

// mustHolders returns the holders. Meanwhile no test starts a process, because a child
// process has all files of this process until it calls execve(2).
func mustHolders(t testing.TB, path string) []filelock.Holder {
	t.Helper()
	var got []filelock.Holder
	var err error
	testproc.BetweenForks(func() { got, err = filelock.New(path).Holders() })
	must(t, err)
	return got
}

func TestRecordOfAHold(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path, filelock.Note("nightly"))
	for range 2 {
		before := time.Now().Truncate(time.Millisecond)
		mustAcquire(t, l)
		after := time.Now()
		r := awaitRecord(t, path)
		got := mustHolders(t, path)
		if len(got) != 1 || got[0].PID != os.Getpid() || got[0].Note != "nightly" || got[0].Command != strings.Join(os.Args, " ") ||
			got[0].Since.Before(before) || got[0].Since.After(after) {
			t.Errorf("holders = %+v, record %+v", got, r)
		}
		mustRelease(t, l)
		mustBeEmpty(t, path)
		if got := mustHolders(t, path); len(got) != 0 {
			t.Fatalf("holders of a free lock: %+v", got)
		}
	}
}

// A short hold and a shared hold write no record.
func TestNotRecorded(t *testing.T) {
	t.Parallel()
	short, shared := lockPath(t), lockPath(t)
	one, two := filelock.New(short, filelock.Note("n")), filelock.New(shared, filelock.Shared(), filelock.Note("n"))
	mustAcquire(t, two)
	mustAcquire(t, one)
	mustRelease(t, one)
	old := time.Now().Add(-time.Hour)
	for _, path := range []string{short, shared} {
		must(t, os.Chtimes(path, old, old))
	}
	start, longest := time.Now(), time.Duration(0)
	for range 100 {
		begin := time.Now()
		mustAcquire(t, one)
		mustRelease(t, one)
		longest = max(longest, time.Since(begin))
	}
	awaitOtherRecord(t)
	for _, path := range []string{short, shared} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Size() != 0 || !info.ModTime().Before(start) && !(path == short && longest > 5*time.Millisecond) {
			t.Errorf("%s: size %d, written %v ago", path, info.Size(), time.Since(info.ModTime()))
		}
	}
}

// After the record was removed, it is not written again: another process may soon hold the
// lock.
func TestNothingIsWrittenAfterRemoveRecord(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path)
	for _, recorded := range []bool{false, true} {
		mustAcquire(t, l)
		if recorded {
			awaitRecord(t, path)
		}
		filelock.RemoveRecord(l)
		filelock.RecordNow(l) // too late
		awaitOtherRecord(t)
		if text := content(t, path); text != "" {
			t.Errorf("recorded %v: content %q", recorded, text)
		}
		mustRelease(t, l)
	}
}

// One timer serves many holds. It does not record a hold that is too young.
func TestYoungHoldIsNotRecorded(t *testing.T) {
	t.Parallel()
	l := filelock.New(lockPath(t))
	testproc.Until(t, "this goroutine is quick", func() bool {
		start := time.Now()
		mustAcquire(t, l)
		defer mustRelease(t, l)
		filelock.Flush()
		pending := filelock.IsPending(l)
		quick := time.Since(start) < filelock.RecordAfter
		if quick && !pending {
			t.Error("a young hold was recorded")
		}
		return quick
	})
}

// Content of another program in a lock file does not change.
func TestForeignContent(t *testing.T) {
	t.Parallel()
	for i, text := range []string{"#!/bin/sh\n", "\x00", "\n", `{"fsync":1}`, "\x00{\"other\":1}\n", "4242\n", strings.Repeat("x", 1<<20)} {
		path := lockPath(t)
		if i%2 == 0 {
			path = filepath.Join(t.TempDir(), "job")
		}
		write(t, path, text)
		l := filelock.New(path, filelock.Note("n"))
		mustAcquire(t, l)
		t.Cleanup(func() {
			mustRelease(t, l)
			if content(t, path) != text {
				t.Errorf("%.20q was changed by Release", text)
			}
		})
		defer func() {
			if got := content(t, path); got != text {
				t.Errorf("%.20q became %.80q", text, got)
			}
		}()
	}
	awaitOtherRecord(t)
}

// With a note, a file of any name gets a record, and is empty afterwards.
func TestNoteInAnyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"job", "job.pid", "lock", ".lock.d", "a.lock"} {
		path := filepath.Join(dir, name)
		l := filelock.New(path, filelock.Note("nightly"))
		for range 2 {
			mustAcquire(t, l)
			if r := awaitRecord(t, path); r.Note != "nightly" || r.PID != os.Getpid() {
				t.Errorf("%s: record %+v", name, r)
			}
			if got := mustHolders(t, path); len(got) != 1 || got[0].Note != "nightly" {
				t.Errorf("%s: holders %+v", name, got)
			}
			mustRelease(t, l)
			mustBeEmpty(t, path)
		}
	}
}

// If a crash has left a record in a file without the name of a lock file, the next holder
// with a note replaces the record. Other holders do not change it.
func TestNoteLeftInAnyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "job")
	first, _ := startRecorded(t, path, "first")
	first.Kill()
	old := content(t, path)
	l := filelock.New(path)
	mustAcquire(t, l)
	filelock.RecordNow(l)
	mustRelease(t, l)
	if got := content(t, path); got != old {
		t.Errorf("%q became %q", old, got)
	}
	p := startNoted(t, path, "second")
	testproc.Until(t, "the second record", func() bool { return strings.Contains(content(t, path), "second") })
	p.Send("release")
	p.Expect("released")
	mustBeEmpty(t, path)
}

// Content that another program writes during the hold does not change.
func TestContentChangedWhileHeld(t *testing.T) {
	t.Parallel()
	l, r := holdRecorded(t)
	path := l.Path()
	r.Note = "of another hold"
	writeRecord(t, path, r)
	want := content(t, path)
	mustRelease(t, l)
	if got := content(t, path); got != want {
		t.Errorf("%q became %q", want, got)
	}
}

func TestRecordOfAnotherVersion(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	write(t, path, "\x00{\"fsync\":2,\"pid\":1,\"holder\":{\"name\":\"x\"},\"since\":17}\n")
	if got := mustHolders(t, path); len(got) != 0 {
		t.Errorf("holders = %+v", got)
	}
	mustRecord(t, path)
}

// What another program writes to the file, before or while it is locked, does not change.
func TestRecordsDestroyNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hold := func(path string, meanwhile func()) {
		t.Helper()
		l := filelock.New(path)
		mustAcquire(t, l)
		f, err := l.File() // writes the record, if the file gets one
		must(t, err)
		f.Close()
		meanwhile()
		mustRelease(t, l)
	}
	add := func(path, text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = f.WriteString(text)
		}
		must(t, err)
		f.Close()
	}
	for _, name := range []string{"job.log", "a.pid", "data.json", "lock"} {
		path := filepath.Join(dir, name)
		for range 3 {
			hold(path, func() { add(path, "line\n") })
		}
		if got := content(t, path); got != "line\nline\nline\n" {
			t.Errorf("%s: %q", name, got)
		}
	}

	appended := filepath.Join(dir, "appended.lock")
	hold(appended, func() { add(appended, "first\n") })
	hold(appended, func() { add(appended, "second\n") })
	if got := content(t, appended); !strings.HasSuffix(got, "\nfirst\nsecond\n") {
		t.Errorf("appended.lock: %q", got)
	}

	replaced := filepath.Join(dir, "replaced.lock")
	write(t, replaced, "old")
	l := filelock.New(replaced)
	mustAcquire(t, l)
	must(t, os.Truncate(replaced, 0)) // by a program that will write to it later
	filelock.RecordNow(l)
	if got := content(t, replaced); got != "" {
		t.Errorf("replaced.lock: %q", got)
	}
	mustRelease(t, l)

	long := filepath.Join(dir, "long.lock") // a record, NULs, and data after the bytes that are read
	text := "\x00" + string(process.Self().Encode()) + strings.Repeat("\x00", 5000) + "data"
	write(t, long, text)
	hold(long, func() {})
	if content(t, long) != text {
		t.Error("long.lock: the data is gone")
	}

	linked := filepath.Join(dir, "linked.lock")
	write(t, linked, "")
	must(t, os.Link(linked, filepath.Join(dir, "data")))
	hold(linked, func() {
		if got := content(t, linked); got != "" {
			t.Errorf("linked.lock: %q", got)
		}
	})
}

// Release comes at many different moments before and after the writing of the record.
func TestReleaseRacesWithRecord(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for i := range 16 {
		path := lockPath(t)
		all.Go(func() {
			l := filelock.New(path)
			for j := range 16 {
				if err := l.Acquire(background); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(9*time.Millisecond + time.Duration(16*i+j)*50*time.Microsecond)
				if err := l.Release(); err != nil {
					t.Error(err)
				}
				if info, err := os.Stat(path); err != nil || info.Size() != 0 {
					t.Errorf("after Release: size %d, %v", info.Size(), err)
				}
			}
		})
	}
	all.Wait()
}

// While records are written and removed, a reader sees a whole record or none.
func TestNoHalfRecord(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	note := strings.Repeat("n", 3000)
	l := filelock.New(path, filelock.Note(note))
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, h := range mustHolders(t, path) {
				if h.Note != "" && h.Note != note {
					t.Errorf("note of %d bytes", len(h.Note))
				}
			}
		}
	})
	for range 20 {
		mustAcquire(t, l)
		awaitRecord(t, path)
		mustRelease(t, l)
	}
	close(stop)
	reader.Wait()
}

func TestHostileRecord(t *testing.T) {
	t.Parallel()
	at := func(mod string) string { return `{"fsync":1,"pid":7,"host":"elsewhere","boot":"b"` + mod + "}\n" }
	for name, c := range map[string]struct {
		text string
		want int // records shown
	}{
		"plain":               {at(""), 1},
		"field we don't know": {at(`,"more":[1]`), 1},
		"10 MB":               {at(`,"note":"` + strings.Repeat("x", 10<<20) + `"`), 0},
		"half":                {at("")[:30], 0},
		"no newline":          {strings.TrimSuffix(at(""), "\n"), 0},
		"rest of another":     {at("") + `x"}` + "\n", 0},
		"two":                 {at("") + at(""), 0},
		"deep":                {at(`,"more":` + strings.Repeat("[", 4000)), 0},
		"negative pid":        {at(`,"pid":-1`), 0},
		"no pid":              {at(`,"pid":0`), 0},
		"huge pid":            {at(`,"pid":4294967297`), 0},
		"pid a word":          {at(`,"pid":"7"`), 0},
		"note a number":       {at(`,"note":7`), 0},
		"version a word":      {strings.Replace(at(""), `:1,`, `:"1",`, 1), 0},
		"other version":       {strings.Replace(at(""), `:1,`, `:2,`, 1), 0},
		"year 9999":           {at(`,"since":"9999-12-31T23:59:59Z"`), 1},
		"year 0":              {at(`,"since":"0000-01-01T00:00:00Z"`), 1},
		"since a word":        {at(`,"since":"yesterday"`), 0},
		"control characters":  {at(`,"command":"a\u001b[2Jb\nc\u202e","note":"\u0007\u009b","host":"h\r"`), 1},
		"invalid UTF-8":       {at(",\"note\":\"\xff\xfe\""), 1},
		"long":                {at(`,"note":"` + strings.Repeat("é", 1500) + `"`), 1},
		"NULs":                {strings.Repeat("\x00", 4096), 0},
		"tomorrow":            {at(`,"since":"` + time.Now().Add(time.Hour).Format(time.RFC3339) + `"`), 1},
		"long start":          {at(`,"start":"` + strings.Repeat("1", 300) + `"`), 0},
	} {
		path := lockPath(t)
		write(t, path, "\x00"+c.text)
		state := filelock.Inspect(filelock.New(path))[0]
		if len(state.Recorded) != c.want || len(state.Holders) != 0 || state.Err != nil {
			t.Errorf("%s: %+v, want %d records", name, state, c.want)
		}
		for _, r := range state.Recorded {
			checkShown(t, r.Holder)
			if strings.HasPrefix(name, "year") && !r.Since.IsZero() {
				t.Errorf("%s: since %v", name, r.Since)
			}
		}
	}
}

// checkShown fails the test unless the holder can be shown on a terminal, also as a record.
func checkShown(t testing.TB, h filelock.Holder) {
	t.Helper()
	for _, s := range []string{h.String(), filelock.Record{Holder: h}.String()} {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) }) || utf8.RuneCountInString(s) > 300 {
			t.Errorf("shown as %q", s)
		}
	}
	h.Host, h.Command, h.Note = "", "", "" // they may be any text
	if s := h.String(); strings.Contains(s, " for -") || strings.Contains(s, "2562047h") {
		t.Errorf("held for an impossible time: %s", s)
	}
}

// A record that another process may have written can be shown.
func FuzzShown(f *testing.F) {
	f.Add(process.Self().Encode())
	f.Add([]byte(`{"fsync":1,"pid":7,"host":"\u001b","since":"2026-01-01T00:00:00Z","note":"` + strings.Repeat(`\u0001`, 600) + "\"}\n"))
	f.Add([]byte(`{"fsync":1,"pid":7,"since":"2026-01-01T00:00:00Z","command":"rsync for -a","note":"2562047h"}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, ok := process.Parse(text); ok {
			checkShown(t, filelock.HolderIn(r))
		}
	})
}
