package line

import (
	"bytes"
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
		if bytes.IndexByte(written, '\n') != len(written)-1 || json.Unmarshal(written, &got) != nil {
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

// What is empty is left out, but not what is zero.
func TestEmpty(t *testing.T) {
	t.Parallel()
	got := string(Begin("test", 1).Text("a", "").Time("b", time.Time{}).List("c", nil).Number("d", 0).Seconds("e", 0).End())
	if want := "{\"test\":1,\"d\":0,\"e\":0}\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
