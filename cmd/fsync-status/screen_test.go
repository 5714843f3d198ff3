package main

import (
	"os"
	"testing"
)

// The screen writes only lines that have changed.
func TestDrawOnlyChanges(t *testing.T) {
	t.Parallel()
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	drawn := func(s *screen, width int, lines ...string) string {
		before, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		s.draw(lines, width, 24)
		after, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(after[len(before):])
	}
	s := &screen{out: out}
	for _, c := range []struct{ got, want string }{
		{drawn(s, 80, "a", "b"), "\x1b[2J\x1b[1;1Ha\x1b[K\x1b[2;1Hb\x1b[K"},
		{drawn(s, 80, "a", "b"), ""},
		{drawn(s, 80, "a", "c", "d"), "\x1b[2;1Hc\x1b[K\x1b[3;1Hd\x1b[K"},
		{drawn(s, 80, "a"), "\x1b[2;1H\x1b[K\x1b[3;1H\x1b[K"},
		{drawn(s, 79, "a"), "\x1b[2J\x1b[1;1Ha\x1b[K"},
	} {
		if c.got != c.want {
			t.Errorf("drawn %q, want %q", c.got, c.want)
		}
	}
}
