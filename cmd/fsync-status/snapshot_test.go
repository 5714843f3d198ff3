package main

import (
	"testing"

	"github.com/fsync-lock/fsync"
)

// A deadlock is confirmed if both snapshots have the same cycle, whichever link comes
// first in it.
func TestConfirmed(t *testing.T) {
	t.Parallel()
	link := func(pid int, path string) fsync.Link { return fsync.Link{PID: pid, WaitsFor: fsync.Entry{Path: path}} }
	cycle := fsync.Deadlock{link(1, "b"), link(2, "a")}
	if got := confirmed([]fsync.Deadlock{{link(2, "a"), link(1, "b")}}, []fsync.Deadlock{cycle}); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	for _, before := range [][]fsync.Deadlock{nil, {{link(1, "b"), link(3, "a")}}, {{link(1, "b"), link(2, "c")}}} {
		if got := confirmed(before, []fsync.Deadlock{cycle}); len(got) != 0 {
			t.Errorf("before %+v: %+v", before, got)
		}
	}
}
