package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/filelock"
)

// resizeAgain is the pause between two tries to change the number of slots.
const resizeAgain = 100 * time.Millisecond

// resize gives the semaphore the number of slots of the command line. If slots that have
// to be removed are held, it prints that once, and waits for them until ctx ends. With
// --skip it prints nothing, as for a held lock.
func (j *job) resize(ctx context.Context, s *filelock.Semaphore, r *child.Relay) error {
	for told := false; ; told = true {
		err := s.Resize(j.slots)
		if !errors.Is(err, filelock.ErrLocked) {
			return err
		}
		if !told && (!j.skip || j.verbose) {
			j.tellInTheWay(err, ctx.Err() == nil)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", errConflict, err)
		}
		r.Ready()
		select {
		case <-ctx.Done():
		case <-time.After(resizeAgain):
		}
	}
}

// tellInTheWay prints which slots are in the way, and which processes hold them.
func (j *job) tellInTheWay(err error, waits bool) {
	line := err.Error()
	if waits {
		line += "; waiting"
	}
	j.program.Complain(line)
}
