package printable

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	text := func(b []byte, err error) string {
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	value := []string{"ü\uffff\U0001f512\x7f"}
	for _, c := range [][2]string{
		{text(JSONLine(value)), "[\"ü\\uffff\U0001f512\\u007f\"]\n"},
		{text(JSON(value, false)), "[\n  \"ü\\uffff\U0001f512\\u007f\"\n]\n"},
		{text(JSON(value, true)), "[\n  \"\\u00fc\\uffff\\ud83d\\udd12\\u007f\"\n]\n"},
	} {
		if got, want := c[0], c[1]; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if line, err := JSONLine(make(chan int)); line != nil || err == nil {
		t.Errorf("of a channel: %q, %v", line, err)
	}
}

// Each character of the JSON can be printed, and the JSON means the value.
func FuzzJSON(f *testing.F) {
	f.Add("plain <&>")
	f.Add(hostile)
	f.Add("\"\\\n\t\x00\x7f\u0080\u2028\u202e\U000e0001é\xff")
	f.Add("<\u00ad>&\x00")
	f.Add(`<\u003c`)
	f.Fuzz(func(t *testing.T, value string) {
		want := string([]rune(value)) // U+FFFD for each byte that is not UTF-8
		line, err := JSONLine(value)
		if err != nil || bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("%q is not one line: %v", line, err)
		}
		for _, ascii := range []bool{false, true} {
			text, err := JSON([]string{value}, ascii)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range [][]byte{line, text} {
				if strings.ContainsFunc(string(text), func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }) {
					t.Errorf("not printable: %q", text)
				}
			}
			if ascii && strings.ContainsFunc(string(text), func(r rune) bool { return r > 0x7f }) {
				t.Errorf("not ASCII: %q", text)
			}
			var inLine string
			var got []string
			if json.Unmarshal(line, &inLine) != nil || json.Unmarshal(text, &got) != nil || inLine != want || got[0] != want {
				t.Errorf("%q becomes %q and %q", want, inLine, got)
			}
		}
		for _, c := range []string{"<", ">", "&"} {
			if strings.Count(string(line), c) != strings.Count(value, c) {
				t.Errorf("escaped for HTML: %q", line)
			}
		}
	})
}
