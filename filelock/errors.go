package filelock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

var (
	// ErrLocked means that the lock is held, or that another waiter was ahead.
	// In this package, only a [LockedError] is ErrLocked. The error of a lock file that
	// cannot be opened is a [*fs.PathError], never ErrLocked.
	ErrLocked = errors.New("lock is held")

	// ErrNotHeld means that a Lock or a Semaphore has no hold for Release, Leave,
	// File or Check, or that a file has no lock for [Adopt].
	ErrNotHeld = errors.New("lock is not held")

	// ErrLost means that a hold does not keep other processes out any more: see
	// [Lock.Check] and [Semaphore.Check]. [Adopt] returns it if its file is not the file
	// at the path.
	ErrLost = errors.New("lock is lost")
)

// LockedError is the error of an Acquire whose context ended during the wait. It
// is [ErrLocked], the [context.Cause], and the context's error
// ([context.Canceled] or [context.DeadlineExceeded]).
//
// It is also the error of a [Semaphore.Resize] that needs slots which are held, or that
// waited too long for another Resize. Then it is only ErrLocked. Holders has the holders
// of these slots, or the process of the other Resize.
type LockedError struct {
	Path    string   // as given to New; PATH/resize.lock if Resize waited for another Resize
	Holders []Holder // at the end of the wait, without the processes that inherited the lock; empty = not known

	ctxErr, cause error
	resize        int   // the wanted number of slots; 0 after an Acquire, or a wait for another Resize
	busy          []int // the held slots that Resize needs
}

func newLockedError(ctx context.Context, path string, holders []Holder) error {
	return &LockedError{Path: path, Holders: holders, ctxErr: ctx.Err(), cause: context.Cause(ctx)}
}

// Error names the lock file, its known holders, and the reason why the wait
// ended.
func (e *LockedError) Error() string {
	if e.resize > 0 {
		return e.resizeError()
	}
	var b strings.Builder
	b.WriteString(e.Path)
	if len(e.Holders) == 0 {
		b.WriteString(" is locked")
	}
	for i, h := range e.Holders {
		switch {
		case i == 0:
			b.WriteString(" is held by ")
		case i == maxNamed:
			fmt.Fprintf(&b, " and %d more", len(e.Holders)-maxNamed)
		case i < maxNamed:
			b.WriteString(", ")
		}
		if i < maxNamed {
			b.WriteString(h.String())
		}
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// resizeError is Error for a Resize:
// a.sem cannot have 2 slots: slot 3 is held by pid 4242 (rsync -a /srv) for 2m13s.
func (e *LockedError) resizeError() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s cannot have %d slot", e.Path, e.resize)
	if e.resize > 1 {
		b.WriteByte('s')
	}
	b.WriteString(": ")
	for i, slot := range e.busy {
		if i == maxNamed {
			fmt.Fprintf(&b, " and %d more", len(e.busy)-maxNamed)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "slot %d is held", slot)
		if j := slices.IndexFunc(e.Holders, func(h Holder) bool { return h.Slot == slot }); j >= 0 {
			b.WriteString(" by " + e.Holders[j].String())
		}
	}
	return b.String()
}

// maxNamed bounds the holders that an error message names.
const maxNamed = 3

// Unwrap makes errors.Is find ErrLocked, the cause and the context's error.
func (e *LockedError) Unwrap() []error {
	errs := []error{ErrLocked}
	for _, err := range []error{e.cause, e.ctxErr} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// endedError is the error of an Acquire whose context had ended before the call. It is
// not ErrLocked, because Acquire has not tried the lock.
func endedError(ctx context.Context, path string) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ctx.Err()) {
		return &fs.PathError{Op: "acquire", Path: path, Err: cause}
	}
	return &fs.PathError{Op: "acquire", Path: path, Err: fmt.Errorf("%w: %w", ctx.Err(), cause)}
}

// flockError is the error of a lock call that failed on the open file. A file
// system without locks (flock(2): ENOLCK, ENOSYS, EOPNOTSUPP; NFS without a
// lock daemon answers ENOLCK) is [errors.ErrUnsupported].
func flockError(path string, err error) error {
	if hasNoLocks(err) {
		err = unsupportedError{err}
	}
	return &fs.PathError{Op: "flock", Path: path, Err: err}
}

type unsupportedError struct{ error }

func (e unsupportedError) Unwrap() error        { return e.error }
func (e unsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }
