package fsync

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
)

// Inspect reads the number of slots before it looks at the slots. If the number changes in
// between, it inspects the semaphore again.
func TestAfterResize(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.sem")
	s := filelock.NewSemaphore(path, 2)
	if err := s.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := filelock.Inspect(filelock.NewSemaphore(path, 3))[0]
	if !errors.Is(before.Err, fs.ErrInvalid) {
		t.Fatalf("with another number of slots: %+v", before)
	}
	e := &Entry{Kind: KindSemaphore, Path: path, Slots: 3}
	if now := e.afterResize(before); now.Err != nil || len(filelock.GroupByHold(now.Holders)) != 1 || e.Slots != 2 {
		t.Errorf("%d slots, %+v", e.Slots, now)
	}
	if err := s.Release(); err != nil {
		t.Error(err)
	}
}
