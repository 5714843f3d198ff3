package term

import "testing"

func TestFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abc", 1, "…"}, {"abc", 0, ""}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},
		{"e\u0301e\u0301", 2, "e\u0301e\u0301"}, {"üüü", 2, "ü…"}, {"", 0, ""},
	} {
		if got := Fit(c.text, c.n); got != c.want {
			t.Errorf("%q in %d cells: %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

// The first and the last character of each range that is wide, and their neighbours.
func TestCells(t *testing.T) {
	t.Parallel()
	for want, runes := range map[int][]rune{
		0: {0x300, 0xfe2f, 0xfeff},
		1: {' ', 0xad, 0x2ff, 0x370, 0x10ff, 0x1160, 0x2e7f, 0x303f, 0xa4d0, 0xabff, 0xd7a4, 0xf8ff, 0xfb00, 0xfe70, 0xff61, 0xffdf, 0xffe7,
			0x1f2ff, 0x1f650, 0x1f67f, 0x1f700, 0x1f8ff, 0x1fa00, 0x1ffff, 0x3fffe},
		2: {0x1100, 0x115f, 0x2e80, 0x303e, 0x3040, 0xa4cf, 0xac00, 0xd7a3, 0xf900, 0xfaff, 0xfe30, 0xfe6f, 0xff00, 0xff60, 0xffe0, 0xffe6,
			0x1f300, 0x1f64f, 0x1f680, 0x1f6ff, 0x1f900, 0x1f9ff, 0x20000, 0x3fffd},
	} {
		for _, r := range runes {
			if got := Cells(string(r)); got != want {
				t.Errorf("%U needs %d cells, want %d", r, got, want)
			}
		}
	}
}
