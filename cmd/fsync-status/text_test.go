package main

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/fsync-lock/fsync/cmd/internal/term"
)

func TestPad(t *testing.T) {
	t.Parallel()
	if got := pad("日", 4) + pad("ab", 3) + pad("abc", 1); got != "日  ab abc" {
		t.Errorf("%q", got)
	}
}

// Clean text is printable, and text that was cut is not too wide.
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
