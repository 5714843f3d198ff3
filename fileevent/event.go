package fileevent

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// An Event is set while its marker exists. Make one with [New]; the zero value
// has no path, and every call on it fails.
//
// An Event does not change and holds no resources: it may be used by many
// goroutines, copied, and dropped. Two Events with one path are one event, in
// one process or in many. The event outlives them all: a program finds it as
// whoever came before has left it, and clears it first if that is not wanted.
//
// A relative path is resolved anew by each call, against the working directory
// at that time. A wait goes on waiting for the file it began with.
//
// No method hides a failure behind a state: if it cannot be known whether the
// event is set, because of missing permissions or a missing directory, that is
// the error, at once.
type Event struct {
	marker marker
	perm   fs.FileMode
	hook   func(step) // tests only
}

// A step is a place in Set or Wait where another process can get in between.
type step int

const (
	marked      step = iota // Set has made the marker and not yet left its trace
	looking                 // Wait knows the trace and has not yet looked for the marker
	subscribing             // Wait has seen that the event is not set
	sleeping                // Wait has looked for the last time before it sleeps
)

func (e *Event) at(s step) {
	if e.hook != nil {
		e.hook(s)
	}
}

// An Option changes what [New] makes.
type Option func(*Event)

// Perm is the mode of a marker that Set creates, before umask. The default is
// 0o666. Nobody needs permissions on the marker itself: setting, clearing and
// waiting are matters of the directory.
func Perm(mode fs.FileMode) Option {
	return func(e *Event) { e.perm = mode.Perm() }
}

// New returns the event whose marker is at path. It touches no file: mistakes
// in the path show in the first call that does.
func New(path string, opts ...Option) *Event {
	e := &Event{marker: splitMarker(path), perm: 0o666}
	for _, opt := range opts {
		opt(e)
	}
	return e
}

// Path returns the path as it was given to [New].
func (e *Event) Path() string { return e.marker.path() }

// Set sets the event and wakes every Wait that began before. If the event is
// set already it stays so.
//
// The directory must exist; beside the marker Set makes a directory .fsync in
// it. A Set that fails has not set the event, unless a write failed that could
// not be foreseen. A process that dies in Set has set the event or has not.
// Nobody hangs, and the next Set needs no repairs.
func (e *Event) Set() error {
	if err := e.marker.check("set"); err != nil {
		return err
	}
	trace := e.marker.trace()
	if err := trace.prepare(); err != nil {
		return err
	}
	if err := e.marker.create(e.perm); err != nil {
		return err
	}
	e.at(marked)
	// The trace comes last: who saw it before there is a marker would be told
	// that the event is set when it is not yet. Who sees neither, because
	// somebody else clears between the two, finds the trace at the next look,
	// within a second. It is left also if the marker was there, because that
	// may have been made by touch a moment ago and be cleared before the
	// waiters look. Then this Set would have woken nobody.
	return trace.renew()
}

// Clear removes the marker. If there is none in the directory it does nothing.
// It does not undo that a Set has woken somebody. A directory in the marker's
// place sets the event and is not removed: that is an error.
func (e *Event) Clear() error {
	if err := e.marker.check("clear"); err != nil {
		return err
	}
	return e.marker.remove()
}

// IsSet reports whether the event is set. The answer may be out of date when
// it is read.
func (e *Event) IsSet() (bool, error) {
	if err := e.marker.check("look for"); err != nil {
		return false, err
	}
	return e.marker.isSet()
}

// Wait waits until the event is set, or ctx ends. It returns nil if it saw the
// event set or if anybody called [Event.Set] since it began; the event may
// have been cleared again when it returns.
//
// If ctx has ended, Wait fails without a look. If ctx ends by its deadline
// while Wait waits, it looks once more, and what it sees counts. The error
// names the path and wraps [context.Cause] of ctx and the error of ctx itself.
// Every other error is a [*fs.PathError]; the directory must exist when Wait
// begins, but may be removed and made again while it waits.
func (e *Event) Wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx, e.marker)
	}
	return e.wait(ctx)
}

func (e *Event) wait(ctx context.Context) error {
	m, err := e.marker.absolute("wait for")
	if err != nil {
		return err
	}
	// The trace is read before the first look. The other way round, a pulse
	// between the two would be in neither.
	trace := m.trace()
	before, err := trace.read()
	if err != nil {
		return err
	}
	e.at(looking)
	if set, err := m.isSet(); set || err != nil {
		return err
	}
	return e.await(ctx, m, func() (bool, error) {
		if set, err := m.exists(); set || err != nil {
			return set, err
		}
		now, err := trace.read()
		return now.differs(before), err
	})
}

// WaitFor waits as [Event.Wait] does, for d at most, and reports whether the
// event was set. If d is not positive it is one look, as [Event.IsSet] is. A
// wait that was in vain has lasted for d, by the monotonic clock.
func (e *Event) WaitFor(d time.Duration) (bool, error) {
	if d <= 0 {
		return e.IsSet()
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	err := e.wait(ctx) // looks once however short d is
	if ended := (*endedError)(nil); errors.As(err, &ended) {
		return false, nil
	}
	return err == nil, err
}

// WaitClear waits until the event is not set, or ctx ends. It returns nil when
// it has looked and found the marker gone. An event that is cleared and set
// again between two looks may go unseen. The end of ctx and errors are as with
// [Event.Wait]. A directory that is removed while WaitClear waits takes the
// marker with it.
func (e *Event) WaitClear(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx, e.marker)
	}
	m, err := e.marker.absolute("wait for")
	if err != nil {
		return err
	}
	if set, err := m.isSet(); !set || err != nil {
		return err
	}
	return e.await(ctx, m, func() (bool, error) {
		set, err := m.exists()
		return !set && err == nil, err
	})
}
