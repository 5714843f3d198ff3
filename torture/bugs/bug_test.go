//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every patch can be put into the repository as it is now, and says what it is about.
func TestBugsApply(t *testing.T) {
	t.Parallel()
	bugs, err := readBugs(".")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bugs {
		cmd := exec.Command("git", "apply", "--check", "-C1", b.file)
		cmd.Dir = root
		if err := said(cmd); err != nil {
			t.Errorf("%s does not apply; make it again from the code of today: %v", b.name, err)
		}
	}
}

// The tests that the bugs name are there.
func TestTestsAreThere(t *testing.T) {
	t.Parallel()
	bugs, err := readBugs(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bugs {
		if b.test == "" {
			continue
		}
		files, _ := filepath.Glob(filepath.Join("../..", b.pkg, "*_test.go"))
		var text strings.Builder
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(content)
		}
		for name := range strings.SplitSeq(b.test, "|") {
			if !strings.Contains(text.String(), "func "+name+"(") {
				t.Errorf("%s names %s, which is not in %s", b.name, name, b.pkg)
			}
		}
	}
}

func TestParseBug(t *testing.T) {
	t.Parallel()
	const whole = "# what: it goes wrong\n# kind: exclusion\n# mended in: 1234567\n# test: ./filelock TestLock\n# mix: kill\n# within: 20\n# ci: yes\n--- a/x\n"
	b, err := parseBug(whole)
	if err != nil || b.what != "it goes wrong" || b.pkg != "./filelock" || b.test != "TestLock" || b.mix != "kill" || b.within.Seconds() != 20 || !b.ci {
		t.Errorf("%+v, %v", b, err)
	}
	for _, change := range []struct{ name, old, new string }{
		{"no sentence", "# what: it goes wrong\n", ""},
		{"an unknown kind", "exclusion", "weather"},
		{"an unknown line", "# ci: yes", "# see: it"},
		{"no time", "# within: 20\n", ""},
		{"a time that is none", "20", "soon"},
		{"neither a mix nor a reason", "# mix: kill\n", ""},
		{"a mix and a reason", "# ci: yes", "# beyond: it is not done"},
		{"no way to find it", "# test: ./filelock TestLock\n# mix: kill\n", "# beyond: it is not done\n"},
	} {
		if _, err := parseBug(strings.Replace(whole, change.old, change.new, 1)); err == nil {
			t.Errorf("%s: no error", change.name)
		}
	}
}

func TestViolationsIn(t *testing.T) {
	t.Parallel()
	const found = "torture: VIOLATION after 3.1s in round 2 (-seed 7 -round 2), kept in /tmp/x/2: "
	for report, expected := range map[string]string{
		"torture: seed 7\n" + found + "lock model: a.lock: no order\n" + found + "lock model: b\n":                              "lock model: a.lock: no order",
		"torture: seed 7\n" + found + "exclusion: a.lock: two holds\n" + found + "path: b\n" + found + "exclusion: a.lock: c\n": "exclusion: a.lock: two holds (and path)",
		"torture: seed 7\nother": "other",
	} {
		if text := violationsIn(report); text != expected {
			t.Errorf("%q, want %q", text, expected)
		}
	}
	if after := afterIn(found + "path: b"); after != 3100*time.Millisecond {
		t.Errorf("after %v", after)
	}
}
