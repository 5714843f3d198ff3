package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// Three listeners read a version after each set, while versions are published
// again and again, others wait and clear, and one listener is killed and started
// again. Each listener reads the last version.
func TestEachSeesTheLastVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	listen := func(log string) *testproc.Proc {
		p := testproc.StartCmd(t, event(dir, "run", "--each", "--when", "./e", "--", "sh", "-c", "cat version >>"+log))
		testproc.AwaitWatch(t, p.PID(), dir)
		return p
	}
	listeners := map[string]*testproc.Proc{"one": listen("one"), "two": listen("two"), "three": listen("three")}
	e := fileevent.New(filepath.Join(dir, "e"))
	const versions = 200
	for v := range versions {
		name := filepath.Join(dir, "version")
		err := errors.Join(os.WriteFile(name+".new", []byte(strconv.Itoa(v)+"\n"), 0o644), os.Rename(name+".new", name), e.Set())
		if v%3 == 0 {
			err = errors.Join(err, e.Clear())
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v {
		case versions / 3:
			listeners["two"].Kill()
		case versions / 2:
			listeners["two"] = listen("two")
		}
	}
	for log := range listeners {
		testproc.Until(t, log+" sees the last version", func() bool {
			text, _ := os.ReadFile(filepath.Join(dir, log))
			return strings.HasSuffix("\n"+string(text), "\n"+strconv.Itoa(versions-1)+"\n")
		})
	}
}

// Ctrl-C reaches the command and ends the listening, even if the command handles
// the signal.
func TestInterruptOfEach(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustRun(t, dir, "set", "a")
	term := testproc.StartTerminal(t, event(dir, "run", "--each", "--when", "./a", "sh", "-c", "trap 'exit 0' INT; echo ready; while :; do sleep .01; done"))
	term.Await("ready")
	term.Type("\x03")
	if status := term.Exit(); status != 0 && status != -1 { // the command may have ended before INT came to fsync-event
		t.Errorf("exit status %d, want the command's, or that INT ended fsync-event", status)
	}
	term = testproc.StartTerminal(t, event(dir, "run", "--each", "--when", "./a", "sh", "-c", "echo ready; exec sleep 1000"))
	term.Await("ready")
	term.Type("\x03")
	if status := term.Exit(); status != -1 {
		t.Errorf("exit status %d, want that INT ended it", status)
	}
}
