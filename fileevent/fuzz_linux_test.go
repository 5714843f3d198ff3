package fileevent

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/fsync-lock/fsync/internal/process"
)

// FuzzMarker sets an event twice by files of any content and with any name. The content
// decides only what Info says. Each Set wakes a waiter, whether the event is cleared or
// taken, whether another Set renews the marker, and whether Tidy comes in between; only a
// marker with the ID of the one before it is taken for that one. At the end no file is left.
func FuzzMarker(f *testing.F) {
	r := process.Self()
	r.ID, r.Note, r.Since = "0123456789abcdef", "nightly", time.Unix(1_790_000_000, 0).UTC()
	record := r.Encode()
	r.ID, r.Note = "0000000000000000", "\x1b[2J\u202e"
	other := r.Encode()
	for _, ways := range []byte{0, 5, 10, 15} {
		f.Add("ready", record, other, ways)
	}
	f.Add("ready", []byte{}, []byte("text\n"), byte(0))
	f.Add(strings.Repeat("n", 246), record, record, byte(0))
	f.Add(strings.Repeat("é", 127), record[:len(record)-1], []byte(nil), byte(9))
	f.Add("a b", []byte(recordStart+`a b c d e f g h "}`), []byte(recordStart+`a b c d e f g i "}`), byte(0))
	f.Add("copied", []byte(recordStart+`a b c d e f g h "}`), []byte(recordStart+`a b c d e f g h "}`), byte(2))
	f.Add("x.pulse", bytes.Repeat([]byte{0}, 5000), append(record, record...), byte(3))
	tidies := areTidied(f)
	f.Fuzz(func(t *testing.T, name string, one, two []byte, ways byte) {
		e := New(t.TempDir() + "/" + name)
		m := e.marker
		if len(m.name) > 255 || strings.Contains(name, "/") || m.validate("set") != nil {
			return
		}
		for i, content := range [][]byte{one, two} {
			before, err := settled(m.tombstone)
			must(t, err, os.WriteFile(e.Path(), content, 0o600))
			checkInfo(t, m, content)
			if ways>>i&1 != 0 {
				checkRenewed(t, e, content)
			}
			id := must2(versionOf(e.Path())).id
			end(t, e, ways>>(i+2)&1 != 0)
			now, err := m.tombstone()
			must(t, err)
			if !now.exists || !now.differs(before) && (id == "" || id != before.id) {
				t.Errorf("%q: the tombstone is %+v, before the Set it was %+v", content, now, before)
			}
			tidy(e)
			if again, err := m.tombstone(); err != nil || !again.exists || again.differs(now) || now.differs(again) {
				t.Errorf("%q: the tombstone is %+v after Tidy, %+v before: %v", content, again, now, err)
			}
		}
		if left := must2(os.ReadDir(filepath.Dir(e.Path()))); tidies && len(left) > 0 {
			t.Errorf("%q, %d bytes: %v is left", m.name, len(m.name), left)
		}
	})
}

// areTidied reports whether Tidy can remove the tombstones of a temporary directory.
func areTidied(f *testing.F) bool {
	e := New(filepath.Join(f.TempDir(), "ready"))
	must(f, e.Set(), e.Clear())
	tidy(e)
	return len(must2(os.ReadDir(filepath.Dir(e.Path())))) == 0
}

// checkInfo fails the test unless the event is set, and Info has the record in the content.
func checkInfo(t *testing.T, m marker, content []byte) {
	t.Helper()
	if set, err := m.isSet(); !set || err != nil {
		t.Fatalf("%q: set is %v, %v", content, set, err)
	}
	got := m.info(0)
	r, ok := process.Parse(content)
	if want := (Info{Set: true}); !ok && got != want {
		t.Errorf("%q: %+v", content, got)
	}
	if ok && (got.PID != r.PID || got.Host != r.Host || got.Note != r.Note || got.Command != r.Command || got.Boot != r.Boot || !got.Since.Equal(r.Since)) {
		t.Errorf("%q: %+v", content, got)
	}
	if strings.ContainsFunc(got.String(), func(r rune) bool { return !unicode.IsGraphic(r) }) {
		t.Errorf("%q", got.String())
	}
	if when := setTime(m.path); ok && !r.Since.IsZero() && !when.Equal(r.Since) || !ok && time.Since(when).Abs() > time.Hour {
		t.Errorf("%q was set at %v", content, when)
	}
}

// checkRenewed sets the event again. Other content than a record must stay.
func checkRenewed(t *testing.T, e *Event, content []byte) {
	t.Helper()
	must(t, e.Set())
	_, ours := process.Parse(content)
	now := must2(os.ReadFile(e.Path()))
	if ours || len(content) == 0 {
		if _, ok := process.Parse(now); !ok || bytes.Equal(now, content) {
			t.Errorf("%q was renewed to %q", content, now)
		}
	} else if !bytes.Equal(now, content) {
		t.Errorf("%q was replaced by %q", content, now)
	}
}

// end clears the event, or takes it once.
func end(t *testing.T, e *Event, takes bool) {
	t.Helper()
	if takes {
		e = New(e.Path(), AutoReset())
		for _, want := range []bool{true, false} {
			if taken, err := e.WaitFor(0); taken != want || err != nil {
				t.Errorf("taken %v, %v, want %v", taken, err, want)
			}
		}
	}
	must(t, e.Clear())
	if set, err := e.IsSet(); set || err != nil {
		t.Errorf("set is %v, %v", set, err)
	}
}

// FuzzAttribute reads the attributes in which Tidy keeps tombstones. An attribute has a
// version as it was, and any other text has none.
func FuzzAttribute(f *testing.F) {
	f.Add("", uint64(1), int64(1_790_000_000), int64(999_999_999), int64(1_790_000_000_000_000_000), "0123456789abcdef")
	f.Add("1 2 3 4 ", uint64(1<<63), int64(-1), int64(0), int64(-1), "")
	f.Add("1 2 3 4 0123456789abcdef5", uint64(0), int64(0), int64(1), int64(0), "a b c d e f g h ")
	f.Add("1_0 0x2 +3 4 0123456789abcdef", uint64(0), int64(0), int64(1), int64(0), "\n\x00 9999999999999")
	f.Fuzz(func(t *testing.T, text string, ino uint64, sec, nsec, set int64, id string) {
		if len(id) != idSize {
			id = ""
		}
		nsec &= 1<<29 - 1
		want := version{exists: true, archived: true, ino: ino, born: time.Unix(sec, nsec), set: time.Unix(0, set), id: id}
		if got := parseAttribute(string(want.attribute())); got != want {
			t.Errorf("%q: %+v, want %+v", want.attribute(), got, want)
		}
		if len(want.attribute()) > 128 {
			t.Errorf("%d bytes", len(want.attribute()))
		}
		got := parseAttribute(text)
		if again := parseAttribute(string(got.attribute())); got.exists && again != got || !got.exists && got != (version{}) {
			t.Errorf("%q: %+v, then %+v", text, got, again)
		}
	})
}
