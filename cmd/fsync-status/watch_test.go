package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync"
)

// The more a snapshot costs, the less often it is taken, unless something has changed.
func TestIsDue(t *testing.T) {
	t.Parallel()
	deadlocks := []fsync.Deadlock{{{PID: 1}, {PID: 2}}}
	for _, c := range []struct {
		name      string
		cost, age time.Duration
		change    bool
		deadlocks []fsync.Deadlock
		want      bool
	}{
		{name: "cheap", cost: time.Millisecond, age: time.Second, want: true},
		{name: "costly", cost: 50 * time.Millisecond, age: 9 * time.Second},
		{name: "costly, and old", cost: 50 * time.Millisecond, age: 10 * time.Second, want: true},
		{name: "very costly", cost: time.Minute, age: 5 * time.Minute, want: true},
		{name: "a change", cost: 50 * time.Millisecond, age: time.Second, change: true, want: true},
		{name: "one change after the other", cost: 200 * time.Millisecond, age: time.Second, change: true},
		{name: "a deadlock that is not confirmed", cost: 50 * time.Millisecond, age: time.Second, deadlocks: deadlocks, want: true},
	} {
		w := &watch{pager: (&snapshot{}).pager(nil, false), deadlocks: c.deadlocks, before: "before", cost: c.cost}
		w.fingerprint = func() string {
			if c.change {
				return "after"
			}
			return "before"
		}
		if got := w.isDue(c.age); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// The fingerprint changes if a file is created in a directory operand, or next to a file
// operand.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file.lock")
	ofDirectory := func(fingerprint string) string { // the last line; the others are the locks of the whole machine
		lines := strings.Split(strings.TrimSpace(fingerprint), "\n")
		return lines[len(lines)-1]
	}
	ofDir, ofFile := &query{operands: []string{dir}}, &query{operands: []string{file}}
	for _, name := range []string{"file.lock", "set.event"} {
		if err := os.Chtimes(dir, time.Time{}, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		seen := []string{ofDir.fingerprint(), ofFile.fingerprint()}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		for i, q := range []*query{ofDir, ofFile} {
			if now := q.fingerprint(); ofDirectory(now) == ofDirectory(seen[i]) {
				t.Errorf("%s was created, and the fingerprint is still %q", name, ofDirectory(now))
			}
		}
	}
}
