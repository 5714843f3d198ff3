package fileevent

import (
	"context"
	"fmt"
)

// An endedError says that the ctx of a wait ended. It is not exported, because callers use
// errors.Is with the cause that they gave, or with the error of the ctx.
type endedError struct {
	what  string // the path of the event, or words for several
	cause error  // context.Cause
	err   error  // the context's own error
}

func ended(ctx context.Context, what string) error {
	return &endedError{what: what, cause: context.Cause(ctx), err: ctx.Err()}
}

func (e *endedError) Error() string {
	return fmt.Sprintf("fileevent: wait for %s: %v", e.what, e.cause)
}

func (e *endedError) Unwrap() []error { return []error{e.cause, e.err} }
