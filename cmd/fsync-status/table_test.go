package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// A name from the table can be pasted into a shell.
func TestNamesCanBePasted(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "sh")
	for _, name := range []string{"-x", "a b", "it's", "$(touch pwned)", "`touch pwned`", "#a", "~", "a&b", "a;b", "(a)", "!a", "plain-1.2_é"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name+".lock")
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		s := new(snapshot)
		if err := s.addDirectory(dir, dir); err != nil {
			t.Fatal(err)
		}
		lines := s.listing(nil).lines(style{}, 0)
		shown := strings.TrimSuffix(strings.TrimPrefix(lines[len(lines)-1], "lock  "), "  free")
		cmd := exec.Command("sh", "-c", "cd "+dir+" && printf %s "+shown)
		if out, err := cmd.CombinedOutput(); string(out) != path || err != nil {
			t.Errorf("%s is pasted as %s: %v", shown, out, err)
		}
	}
	if got := pathLabel("-x.lock"); got != "./-x.lock" {
		t.Error(got)
	}
	if got := shellWord("plain-1.2_é"); got != "plain-1.2_é" {
		t.Error(got)
	}
}

// On a narrow terminal a long name is cut, and no line is too long.
func TestNarrowTable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	label := strings.Repeat("n", 100)
	l := listing{Time: now, Host: "here", Entries: []item{{
		Kind: fsync.KindLock, Path: "/p", State: stateHeld, label: label,
		Holders: []process{{PID: 4242, User: "root", Host: "there", Command: "rsync -a /srv", Note: "nightly", Since: now.Add(-time.Minute)}},
		Waiters: []process{{}},
	}}}
	lines := l.lines(style{}, 80)
	want := []string{
		"KIND  NAME                                      STATE         PID   USER  HOST …",
		"lock  …nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn  held   holds  4242  root  there…",
		"                                                       waits",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if wide := strings.Join(l.lines(style{}, 0), "\n"); !strings.Contains(wide, label) || !strings.Contains(wide, "rsync -a /srv (nightly)") {
		t.Errorf("cut although there is no terminal: %s", wide)
	}
}

// Free and clear items are dim, busy ones bold; waiters are yellow, and errors red.
func TestColours(t *testing.T) {
	t.Parallel()
	l := listing{Entries: []item{
		{State: stateFree, label: "a"}, {State: stateClear, label: "b"}, {State: stateSet, label: "c"}, {State: stateUnknown, Unknown: "hidden", label: "d"},
		{State: stateUnknown, Error: "failed", label: "e"}, {State: stateHeld, label: "f", Holders: []process{{PID: 1}}, Waiters: []process{{PID: 2}}},
	}}
	want := []string{bold, dim, dim, bold, bold, red, bold, yellow}
	for i, line := range l.lines(style{coloured: true}, 0) {
		if !strings.HasPrefix(line, want[i]) || !strings.HasSuffix(line, noColour) {
			t.Errorf("line %d: %q, want colour %q", i, line, want[i])
		}
	}
	for _, line := range l.lines(style{}, 0) {
		if strings.Contains(line, "\x1b") {
			t.Errorf("a colour in %q", line)
		}
	}
}
