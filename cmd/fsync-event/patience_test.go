package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
)

// The time of a wait begins after its first look, however short the time is.
func TestPatienceLooksFirst(t *testing.T) {
	t.Parallel()
	e := fileevent.New(t.TempDir() + "/a")
	if err := e.Set(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{0, 1, time.Millisecond} {
		q := &query{timeout: d}
		time.Sleep(2 * d) // the time of an ordinary context would be up
		for range 100 {
			if err := fileevent.WaitAll(q.patience(), e); err != nil {
				t.Fatal(err)
			}
			if _, err := fileevent.WaitAny(q.patience(), e); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.WaitClear(q.patience()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitClear: %v", err)
		}
	}
	if ctx := (&query{timeout: forever}).patience(); ctx.Done() != nil {
		t.Error("there is an end of what has none")
	}
}
