package term

import "testing"

func TestUTF8(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "", false}, {"", "", "en_US.UTF-8", true}, {"", "", "C.utf8", true}, {"C", "", "en_US.UTF-8", false}, {"", "C", "en_US.UTF-8", false},
		{"", "de_DE.UTF-8", "C", true}, {"de_DE.utf8", "C", "C", true}, {"POSIX", "de_DE.UTF-8", "de_DE.UTF-8", false}, {"", "", "de_DE.ISO-8859-1", false},
	} {
		t.Setenv("LC_ALL", c.all)
		t.Setenv("LC_CTYPE", c.ctype)
		t.Setenv("LANG", c.lang)
		if got := UTF8(); got != c.want {
			t.Errorf("LC_ALL=%s LC_CTYPE=%s LANG=%s: %v", c.all, c.ctype, c.lang, got)
		}
	}
}

func TestASCII(t *testing.T) {
	t.Parallel()
	if got := ASCII("naïve 日…\x7f"); got != "na?ve ?...?" {
		t.Errorf("%q", got)
	}
	for n, want := range map[int]string{-1: "", 0: "", 2: "ab", 3: "...", 5: "ab...", 6: "abcdef", 9: "abcdef"} {
		if got := FitASCII("abcdef", n); got != want {
			t.Errorf("in %d: %q, want %q", n, got, want)
		}
	}
}
