package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A record of MaxRecord bytes is not cut.
func TestCutAtTheLimit(t *testing.T) {
	t.Parallel()
	long := func(n int) []byte { return Record{Version: 1, PID: 1, Note: strings.Repeat("x", n)}.Encode() }
	frame := len(long(1)) - 1
	for _, n := range []int{MaxRecord - 1, MaxRecord} {
		if got := len(long(n - frame)); got != n {
			t.Errorf("%d of %d bytes are left", got, n)
		}
	}
	if got := len(long(MaxRecord + 1 - frame)); got >= MaxRecord {
		t.Errorf("%d bytes", got)
	}
}

// A record is never too long, and a text that was cut is a beginning of the whole text.
func TestCut(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "short", strings.Repeat("x", 1<<20), strings.Repeat("\x01", 10000), strings.Repeat("é", 5000), strings.Repeat("\xff", 5000), strings.Repeat("\u2028", 3000)} {
		text := Record{Version: 1, PID: 1, Command: s, Note: s}.Encode()
		got, ok := Parse(text)
		if len(text) > MaxRecord || !ok {
			t.Errorf("of %d bytes: %q", len(s), text)
		}
		if valid := strings.ToValidUTF8(s, "\uFFFD"); got.Command != got.Note || !strings.HasPrefix(valid, got.Note) || valid != "" && got.Note == "" {
			t.Errorf("of %q is left %q", s, got.Note)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"{\"fsync\":1,\"pid\":7}\n":            true,
		"{\"fsync\":1,\"pid\":7}":              false, // it may be torn
		"{\"fsync\":1,\"pid\":7}\n\n":          false,
		"{\"fsync\":\n1,\"pid\":7}\n":          false,
		"{\"fsync\":1,\"pid\":7\n":             false,
		"{\"fsync\":2,\"pid\":7}\n":            false,
		"{\"fsync\":1}\n":                      false,
		"{\"fsync\":1,\"pid\":7,\"note\":7}\n": false,
		"{\"fsync\":1,\"pid\":2147483647}\n":   true,
		"{\"fsync\":1,\"pid\":2147483648}\n":   false,
		"{\"fsync\":1,\"pid\":7,\"id\":\"" + strings.Repeat("x", maxIdentity) + "\"}\n":      true,
		"{\"fsync\":1,\"pid\":7,\"pidns\":\"" + strings.Repeat("x", maxIdentity+1) + "\"}\n": false,
		"{\"fsync\":1,\"pid\":7}" + strings.Repeat(" ", MaxRecord-20) + "\n":                 true,
		"{\"fsync\":1,\"pid\":7}" + strings.Repeat(" ", MaxRecord-19) + "\n":                 false,
		"\n": false,
		"":   false,
	} {
		if _, got := Parse([]byte(text)); got != want {
			t.Errorf("Parse(%q) = %v", text, got)
		}
	}
}

func TestPlausible(t *testing.T) {
	t.Parallel()
	for when, want := range map[time.Time]bool{
		time.Now(): true, time.Now().Add(23 * time.Hour): true, time.Now().Add(25 * time.Hour): false, time.Unix(1e8, 0): false, {}: false,
	} {
		if got := plausible(when); got.IsZero() == want || want && !got.Equal(when) {
			t.Errorf("plausible(%v) = %v", when, got)
		}
		text := fmt.Sprintf("{\"fsync\":1,\"pid\":7,\"since\":%q}\n", when.Format(time.RFC3339))
		if got, ok := Parse([]byte(text)); !ok || got.Since.IsZero() == want {
			t.Errorf("Parse(%q) = %+v, %v", text, got, ok)
		}
	}
}

// A record is written although the clock is wrong, and in UTC.
func TestEncodeOfAStrangeTime(t *testing.T) {
	t.Parallel()
	r, ok := Parse(Record{Version: 1, PID: 1, Since: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}.Encode())
	if !ok || !r.Since.IsZero() {
		t.Errorf("the year 12000: %+v, %v", r, ok)
	}
	noon := time.Date(2020, 1, 1, 12, 0, 0, 0, time.FixedZone("east", 3600))
	if text := (Record{Version: 1, PID: 1, Since: noon}).Encode(); !bytes.Contains(text, []byte(`"2020-01-01T11:00:00Z"`)) {
		t.Errorf("noon in the east: %s", text)
	}
}

func TestMayRun(t *testing.T) {
	t.Parallel()
	me := Self()
	gone := exec.Command(os.Args[0], "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Record)
		want   bool
	}{
		"this process":                    {func(r *Record) {}, true},
		"this PID, another start":         {func(r *Record) { r.Start += "0" }, false},
		"ended":                           {func(r *Record) { r.PID = gone.Process.Pid }, false},
		"an earlier boot":                 {func(r *Record) { r.Boot = "another" }, false},
		"another host":                    {func(r *Record) { r.Host, r.Boot = "elsewhere", "another" }, true},
		"another host, PID of ended":      {func(r *Record) { r.Host, r.Boot, r.PID = "elsewhere", "another", gone.Process.Pid }, true},
		"another name of the host, ended": {func(r *Record) { r.Host, r.PID = "elsewhere", gone.Process.Pid }, false},
		"another PID namespace":           {func(r *Record) { r.PIDNS, r.PID = "1", gone.Process.Pid }, true},
		"another namespace, earlier boot": {func(r *Record) { r.PIDNS, r.Boot = "1", "another" }, false},
	} {
		r := me
		c.change(&r)
		if got := r.MayRun(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Without /proc a process does not know its boot. It cannot tell whether a process runs that
// knows its boot, or that is on another host.
func TestMayRunWithoutBoot(t *testing.T) {
	t.Parallel()
	blind := Self()
	blind.Boot = ""
	gone := blind
	gone.Start += "0"
	away, seer := gone, Self()
	away.Host = "elsewhere"
	seer.Start += "0"
	for name, c := range map[string]struct {
		r, me Record
		want  bool
	}{
		"neither knows its boot":                       {gone, blind, false},
		"neither knows its boot, and on another host":  {away, blind, true},
		"only the writer knows its boot":               {seer, blind, true},
		"only this process knows its boot":             {gone, Self(), true},
		"only this process knows, and on another host": {away, Self(), true},
	} {
		if got := c.r.mayRunBeside(c.me); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Self().Encode())
	f.Add([]byte(`{"fsync":1,"pid":7,"host":"\u001b","since":"2026-01-01T00:00:00Z","note":"` + strings.Repeat(`\u0001`, 600) + "\"}\n"))
	f.Add([]byte("{\"fsync\":1,\"pid\":7}\n"))
	f.Add([]byte(`{"fsync":1,"pid":7,"since":"2000-01-01T00:00:00+14:00"}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, ok := Parse(text)
		if !ok {
			if r != (Record{}) {
				t.Errorf("%q is no record, and Parse returns %+v", text, r)
			}
			return
		}
		if len(text) > MaxRecord || bytes.Count(text, []byte("\n")) != 1 || !json.Valid(text) || r.PID <= 0 {
			t.Errorf("%q is taken for a record", text)
		}
		checkRoundTrip(t, r)
	})
}

func FuzzRecord(f *testing.F) {
	f.Add(1, "host", "command", "note", int64(1700000000000))
	f.Add(4242, "\x1b", strings.Repeat("é", 3000), strings.Repeat("\x01", 5000), int64(946684800000))
	f.Fuzz(func(t *testing.T, pid int, host, command, note string, since int64) {
		if pid <= 0 || int64(pid) > 1<<31-1 {
			return
		}
		r := Self()
		r.PID, r.Host, r.Command, r.Note = pid, host, command, note
		r.Since = time.UnixMilli(946684800000 + since&(1<<39-1)).UTC() // 2000 to 2017
		checkRoundTrip(t, r)
	})
}

// checkRoundTrip fails the test unless Parse returns the record that Encode has written.
// Texts may have been cut.
func checkRoundTrip(t *testing.T, r Record) {
	t.Helper()
	text := r.Encode()
	if len(text) > MaxRecord || !bytes.HasPrefix(text, []byte(`{"fsync":1,`)) {
		t.Fatalf("%d bytes: %.40q", len(text), text)
	}
	got, ok := Parse(text)
	if !ok {
		t.Fatalf("%q is no record", text)
	}
	for _, s := range [][2]string{{r.Host, got.Host}, {r.Command, got.Command}, {r.Note, got.Note}} {
		whole := strings.ToValidUTF8(s[0], "\uFFFD")
		if !strings.HasPrefix(whole, s[1]) || len(r.Host)+len(r.Command)+len(r.Note) < 500 && s[1] != whole {
			t.Errorf("%q became %q", s[0], s[1])
		}
	}
	if !got.Since.Equal(r.Since) || got.PID != r.PID || got.ID != r.ID || got.Start != r.Start || got.Boot != r.Boot || got.PIDNS != r.PIDNS {
		t.Errorf("%+v became %+v", r, got)
	}
	if again := got.Encode(); !bytes.Equal(again, text) {
		t.Errorf("%q became %q", text, again)
	}
}
