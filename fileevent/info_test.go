package fileevent

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fsync-lock/fsync/internal/process"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func info(t *testing.T, e *Event) Info {
	t.Helper()
	i, err := e.Info()
	must(t, err)
	return i
}

func TestInfo(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	e := New(path, Note("the disk\nis full"))
	if got := info(t, e); got != (Info{}) {
		t.Errorf("Info() of an event that is not set = %+v", got)
	}
	before := time.Now().Truncate(time.Millisecond)
	must(t, e.Set())
	got, host := info(t, New(path)), must2(os.Hostname())
	if !got.Set || got.PID != os.Getpid() || got.Host != host || got.Note != "the disk\nis full" || got.Rebooted ||
		got.Command != filepath.Base(os.Args[0]) || got.Since.Before(before) || got.Since.After(time.Now()) || got.Boot != process.Self().Boot {
		t.Errorf("Info() = %+v", got)
	}
	// The last of several Sets counts.
	again := startAgent(t, path)
	ask(t, again, "set", "ok")
	if got := info(t, e); got.PID != again.PID() || got.Note != "" {
		t.Errorf("Info() = %+v after another Set, of pid %d", got, again.PID())
	}
	must(t, e.Clear())
	if got := info(t, e); got != (Info{}) {
		t.Errorf("Info() of an event that was cleared = %+v", got)
	}
	// After a Clear and another Set, nothing of the first record is left.
	other := startAgent(t, path)
	ask(t, other, "set", "ok")
	if got := info(t, e); got.PID != other.PID() || got.Note != "" {
		t.Errorf("Info() = %+v, want pid %d", got, other.PID())
	}
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Info names no process for a marker that touch(1) made, even if a process had set the event a
// moment before.
func TestInfoOfTouch(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	for range 20 {
		pulse(t, e)
		must(t, os.WriteFile(e.Path(), nil, 0o644))
		if got := info(t, e); got != (Info{Set: true}) {
			t.Fatalf("Info() = %+v", got)
		}
		must(t, e.Clear())
	}
}

// Info ignores other content than a record, and String shows a record without control
// characters.
func TestInfoOfStrangeMarkers(t *testing.T) {
	t.Parallel()
	good := process.Record{Version: 1, PID: 7, Host: "h", Note: "n"}
	whole := string(good.Encode())
	for what, content := range map[string]string{
		"a text":          "hello\n",
		"half a record":   whole[:len(whole)/2],
		"no newline":      whole[:len(whole)-1],
		"two records":     whole + whole,
		"10 MB":           strings.Repeat("x", 10<<20),
		"10 MB and valid": strings.Replace(whole, `"note":"n"`, `"note":"`+strings.Repeat("x", 10<<20)+`"`, 1),
		"another version": strings.Replace(whole, `"fsync":1`, `"fsync":2`, 1),
		"no version":      strings.Replace(whole, `"fsync":1,`, ``, 1),
		"no pid":          strings.Replace(whole, `"pid":7`, `"pid":0`, 1),
		"a huge pid":      strings.Replace(whole, `"pid":7`, `"pid":4294967296`, 1),
		"a long boot":     strings.Replace(whole, `"pid":7`, `"pid":7,"boot":"`+strings.Repeat("x", 200)+`"`, 1),
		"NULs":            strings.Repeat("\x00", 300),
		"only a newline":  "\n",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e := New(markerPath(t))
			must(t, os.WriteFile(e.Path(), []byte(content), 0o644))
			if got := info(t, e); got != (Info{Set: true}) {
				t.Errorf("Info() = %.200v", got)
			}
			must(t, e.Set())
			if now := must2(os.ReadFile(e.Path())); string(now) != content {
				t.Error("Set has changed the content")
			}
		})
	}
	e := New(markerPath(t))
	good.Note, good.Command = "\x1b[2J\u202eevil", "a\nb"
	must(t, os.WriteFile(e.Path(), good.Encode(), 0o644))
	got := info(t, e)
	if got.Note != good.Note || got.Command != good.Command {
		t.Errorf("Info() = %+v", got)
	}
	if s := got.String(); s != "set by pid 7 (a?b) on h: ?[2J?evil" {
		t.Errorf("String() = %q", s)
	}
}

func TestInfoString(t *testing.T) {
	t.Parallel()
	for want, i := range map[string]Info{
		"not set": {},
		"set":     {Set: true},
		"set by pid 4242 (deploy web) on web1 2m0s ago: nightly": {
			Set: true, PID: 4242, Command: "deploy web", Host: "web1", Note: "nightly", Since: time.Now().Add(-2*time.Minute - time.Millisecond),
		},
		"set by pid 1, before the host was last started": {Set: true, PID: 1, Rebooted: true},
	} {
		if got := i.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}

// A record of an earlier boot of this host is reported as Rebooted.
func TestStaleMarkerAfterReboot(t *testing.T) {
	t.Parallel()
	if process.Self().Boot == "" {
		t.Skip("this system has no ID of a boot")
	}
	host := must2(os.Hostname())
	for _, c := range []struct {
		host, boot string
		want       bool
	}{
		{host, "another", true}, {host, process.Self().Boot, false}, {host, "", false}, {"elsewhere", "another", false},
	} {
		e := New(markerPath(t))
		r := process.Record{Version: 1, PID: 7, Host: c.host, Boot: c.boot}
		must(t, os.WriteFile(e.Path(), r.Encode(), 0o644))
		if got := info(t, e); got.Rebooted != c.want || !got.Set || got.Boot != c.boot {
			t.Errorf("from %q, boot %q: %+v", c.host, c.boot, got)
		}
	}
}

// A reader that comes while Set writes waits for the record.
func TestHalfWrittenRecord(t *testing.T) {
	t.Parallel()
	r := process.Self()
	r.Note = strings.Repeat("long ", 500)
	text := r.Encode()
	for range 100 { // in some rounds the reader comes before the second half
		m := splitMarker(markerPath(t))
		begun := time.Now()
		must(t, os.WriteFile(m.path, text[:1000], 0o644))
		if _, ok := m.readRecord(0); ok {
			t.Fatal("half a record counts as a record")
		}
		got := make(chan process.Record)
		go func() {
			r, _ := m.readRecord(testproc.Patience)
			got <- r
		}()
		runtime.Gosched()
		f := must2(os.OpenFile(m.path, os.O_WRONLY|os.O_APPEND, 0))
		must2(f.Write(text[1000:]))
		f.Close()
		inTime := time.Since(begun) < newborn // on a busy machine the reader may give up first
		if read := <-got; read != r && inTime {
			t.Fatalf("read %+v", read)
		}
	}
}

// Readers always see a whole record or none, and after Set a whole one.
func TestRecordIsNeverHalf(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t), Note(strings.Repeat("x", 3000)))
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range testproc.Size(300, 50) {
			if err := e.Set(); err != nil {
				t.Error(err)
			}
			if got, err := e.Info(); err != nil || len(got.Note) != 3000 {
				t.Errorf("Info() = %+v, %v after Set", got, err)
			}
			if err := e.Clear(); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		select {
		case <-over:
			return
		default:
		}
		text, _ := e.marker.content()
		if _, whole := process.Parse(text); len(text) > 0 && !whole {
			t.Fatalf("a reader has seen %q", text)
		}
	}
}

// A wrong wall clock of the setter does not change whether the event is set or
// which process Info names.
func TestClockOfTheMarker(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	must(t, e.Set())
	want := info(t, e)
	for _, when := range []time.Time{time.Unix(0, 0), time.Now().Add(1000 * time.Hour)} {
		must(t, os.Chtimes(e.Path(), when, when))
		if got := info(t, e); got != want {
			t.Errorf("Info() = %+v, want %+v", got, want)
		}
	}
}

func TestLongNotes(t *testing.T) {
	t.Parallel()
	for _, note := range []string{strings.Repeat("x", 1<<20), strings.Repeat("\x01", 10000), strings.Repeat("é", 5000), "\xff\xfe", strings.Repeat("\u2028", 3000)} {
		e := New(markerPath(t), Note(note))
		must(t, e.Set())
		got := info(t, e)
		if got.PID != os.Getpid() || got.Note == "" || !utf8.ValidString(got.Note) || !strings.HasPrefix(strings.ToValidUTF8(note, "\uFFFD"), got.Note) {
			t.Errorf("of a note of %d bytes, %d bytes are left", len(note), len(got.Note))
		}
	}
}

func FuzzInfoString(f *testing.F) {
	f.Add("host", "a\nb", "\x1b[2J\u202eevil")
	f.Fuzz(func(t *testing.T, host, command, note string) {
		i := Info{Set: true, PID: 1, Host: host, Command: command, Note: note}
		for _, c := range i.String() {
			if !unicode.IsGraphic(c) {
				t.Errorf("String() = %q", i.String())
			}
		}
	})
}
