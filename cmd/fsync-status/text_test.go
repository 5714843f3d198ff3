package main

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fsync-lock/fsync/cmd/internal/term"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "", 0: "0s", 999 * time.Millisecond: "0s", 59 * time.Second: "59s", time.Minute: "1m", 133 * time.Second: "2m13s",
		time.Hour + 59*time.Second: "1h", 25*time.Hour + time.Minute: "1d1h", 400 * 24 * time.Hour: "400d",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestPad(t *testing.T) {
	t.Parallel()
	if got := pad("日", 4) + pad("ab", 3) + pad("abc", 1); got != "日  ab abc" {
		t.Errorf("%q", got)
	}
}

// Clean text is printable, and text that was cut has the width.
func FuzzClean(f *testing.F) {
	f.Add("\x1b[2J\u202e\x9b\xff", 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		got := style{}.clean(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Fatalf("%q", got)
		}
		if n = min(max(n, 0), 1000); term.Cells(style{}.fit(got, n)) > n {
			t.Fatalf("%q takes more than %d cells", style{}.fit(got, n), n)
		}
	})
}
