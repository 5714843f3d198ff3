package line

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

type fields struct {
	Version int       `json:"test"`
	Text    string    `json:"text"`
	Number  int       `json:"number"`
	Time    time.Time `json:"time"`
	Seconds float64   `json:"seconds"`
	List    []string  `json:"list"`
}

// What is written is what encoding/json reads.
func FuzzLine(f *testing.F) {
	f.Add("plain", 1, int64(0))
	f.Add("\"\\\n\t\x00\x7f\u0080\u2028\u202e\U000e0001é\xff", -1, int64(1e18))
	f.Add("", 0, int64(-1))
	f.Fuzz(func(t *testing.T, text string, number int, ns int64) {
		when := time.Unix(0, ns).In(time.FixedZone("", 3600))
		took := time.Duration(ns)
		list := []string{text, "", text}
		written := Begin("test", 7).Text("text", text).Number("number", number).Time("time", when).Seconds("seconds", took).List("list", list).End()
		var got fields
		if !Parse(written, &got) {
			t.Fatalf("%q is no line", written)
		}
		read := func(s string) string { return string([]rune(s)) } // U+FFFD for each byte that is not UTF-8
		want := fields{7, read(text), number, when, took.Round(time.Microsecond).Seconds(), []string{read(text), "", read(text)}}
		if !got.Time.Equal(want.Time) || got.Time.Location() != time.UTC {
			t.Errorf("%v becomes %v", want.Time, got.Time)
		}
		got.Time = want.Time
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v becomes %+v", want, got)
		}
		if !utf8.Valid(written) || strings.ContainsFunc(string(written[:len(written)-1]), func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("%q is not fit to be looked at", written)
		}
	})
}

// A record that is just short enough is not cut.
func TestFitAtTheLimit(t *testing.T) {
	t.Parallel()
	long := func(n int) []byte {
		return Fit(func(cut func(string) string) []byte {
			return Begin("test", 1).Text("text", cut(strings.Repeat("x", n))).End()
		})
	}
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

// What is empty is left out, but not what is zero.
func TestEmpty(t *testing.T) {
	t.Parallel()
	got := string(Begin("test", 1).Text("a", "").Time("b", time.Time{}).List("c", nil).Number("d", 0).Seconds("e", 0).End())
	if want := "{\"test\":1,\"d\":0,\"e\":0}\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"{\"test\":1}\n":   true,
		"{\"test\":1}":     false, // it may be torn
		"{\"test\":1}\n\n": false,
		"{\"test\":\n1}\n": false,
		"{\"test\":1\n":    false,
		"\n":               false,
		"":                 false,
	} {
		if got := Parse([]byte(text), new(fields)); got != want {
			t.Errorf("Parse(%q) = %v", text, got)
		}
	}
}

// A record is never too long, and what is cut is a beginning.
func TestFit(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "short", strings.Repeat("x", 1<<20), strings.Repeat("\x01", 10000), strings.Repeat("é", 5000), strings.Repeat("\xff", 5000), strings.Repeat("\u2028", 3000)} {
		text := Fit(func(cut func(string) string) []byte {
			return Begin("test", 1).Text("text", cut(s)).Text("more", cut(s)).End()
		})
		var got struct{ Text, More string }
		if len(text) > MaxRecord || json.Unmarshal(text, &got) != nil {
			t.Errorf("of %d bytes: %q", len(s), text)
		}
		if valid := strings.ToValidUTF8(s, "\uFFFD"); got.Text != got.More || !strings.HasPrefix(valid, got.Text) || valid != "" && got.Text == "" {
			t.Errorf("of %q is left %q", s, got.Text)
		}
	}
}

func TestPlausible(t *testing.T) {
	t.Parallel()
	for when, want := range map[time.Time]bool{
		time.Now(): true, time.Now().Add(23 * time.Hour): true, time.Now().Add(25 * time.Hour): false, time.Unix(1e8, 0): false, {}: false,
	} {
		if got := Plausible(when); got.IsZero() == want || want && !got.Equal(when) {
			t.Errorf("Plausible(%v) = %v", when, got)
		}
	}
}
