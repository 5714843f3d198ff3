package fileevent

import (
	"context"
	"fmt"
	"io/fs"
)

// An endedError says that the ctx of a wait ended first. It is not exported:
// callers ask errors.Is for the cause that they gave, or for the ctx's error.
type endedError struct {
	path  string
	cause error // context.Cause
	err   error // the context's own error
}

func ended(ctx context.Context, m marker) error {
	return &endedError{path: m.path(), cause: context.Cause(ctx), err: ctx.Err()}
}

func (e *endedError) Error() string {
	return fmt.Sprintf("fileevent: wait for %s: %v", e.path, e.cause)
}

func (e *endedError) Unwrap() []error { return []error{e.cause, e.err} }

// A misplaced error says what is wrong with a file that the system would take.
// It is fs.ErrInvalid to callers.
type misplaced string

func (e misplaced) Error() string        { return string(e) }
func (e misplaced) Is(target error) bool { return target == fs.ErrInvalid }
