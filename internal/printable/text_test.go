package printable

import "testing"

const hostile = "a\x1b[31mb\u202ec\nd\u00e9\U000e0001\u009b\xff\t"

func TestText(t *testing.T) {
	for got, want := range map[string]string{
		Text(hostile):   "a?[31mb?c?dé????",
		Lines("x\a\ny"): "x?\ny",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"rsync -a":               "rsync -a",
		"a\x1b[2Jb\nc\x00\u202e": "a?[2Jb?c??",
		"\xff\xfe":               "?",
		"ééééééééééé":            "ééééééééé…",
	} {
		if got := Shorten(in, 10); got != want {
			t.Errorf("Shorten(%q) = %q, want %q", in, got, want)
		}
	}
	for n, want := range map[int]string{-1: "…", 0: "…", 1: "…", 2: "a…", 3: "abc"} {
		if got := Shorten("abc", n); got != want {
			t.Errorf("Shorten(abc, %d) = %q, want %q", n, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "", 1: "a", 2: "a", 3: "aü", 5: "aü", 6: "aü\uFFFD", 7: "aü\uFFFDb", 8: "aü\uFFFDb"} {
		if got := Cut("aü\xff\xfeb", n); got != want {
			t.Errorf("Cut(_, %d) = %q, want %q", n, got, want)
		}
	}
}
