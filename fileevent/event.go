package fileevent

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/fsync-lock/fsync/internal/watch"
)

// An Event is set while its marker exists. Make one with [New]; the zero value has no path,
// and every call on it fails.
//
// An Event does not change and holds no resources. It may be copied, dropped, and used by
// many goroutines. Two Events with the same path are one event, in one process or in many.
// The event outlives the processes: it may still be set when a program starts. If the
// program wants a fresh event, it calls Clear first.
//
// A relative path begins in the working directory at the time of each call, as the kernel
// knows it: the value of $PWD does not matter, and the directory may be renamed. If the
// program changes its working directory during a wait, the wait goes on for the same file,
// by the absolute path of the former directory. If that path now leads to another
// directory, or the process may not use it, the wait ends with an [*fs.PathError] that says
// so. A [Watch] stays with its file in the same way.
//
// A method returns an error at once if it cannot tell whether the event is set, because a
// permission or the directory is missing. Only the waits and a Watch accept a missing
// directory; the waits go on when it exists.
type Event struct {
	marker marker
	perm   fs.FileMode
	note   string
	auto   bool
	maxAge time.Duration // 0 = no limit
	onTake func(Info)
	hook   func(step) // tests only
}

// A step is a place in a call at which a test can act.
type step int

const (
	marked      step = iota // Set has made the marker
	recorded                // Set has written the record
	renewing                // Set is about to replace the marker of an event that is set
	clearing                // Clear has seen the marker
	looking                 // Wait knows the tombstone and has not yet looked for the marker
	subscribing             // Wait has seen that the event is not set, and has chosen the path to watch
	sleeping                // Wait has looked for the last time before it sleeps
	taking                  // the event is about to be taken
	took                    // the event has been taken
)

func (e *Event) at(s step) {
	if e.hook != nil {
		e.hook(s)
	}
}

// An Option changes what [New] makes.
type Option func(*Event)

// Perm is the mode of a marker that Set creates, before umask. The default is
// 0o666. To set, clear and wait, only the permissions of the directory matter;
// the marker must be readable for [Event.Info] to tell who set it.
func Perm(mode fs.FileMode) Option {
	return func(e *Event) { e.perm = mode.Perm() }
}

// Note is a text for people that each Set of this Event records, such as the
// reason. [Event.Info] shows it. A long note is cut.
func Note(text string) Option {
	return func(e *Event) { e.note = text }
}

// AutoReset makes waits take the event: [Event.Wait] clears it when it returns
// nil. Each time the event is set, one wait returns, of all waits in all processes.
// The order of waiters is not promised. Setting an event that is already set does
// not let a second wait return. [Event.IsSet] and [Event.WaitClear] take nothing.
//
// The marker does not record AutoReset: each wait that should take the event needs the
// option. A wait without the option takes nothing. It returns even if another process takes
// the event before the wait looks, as it does after a Clear; but not on Windows.
//
// If an event is set and cleared at once, only a wait that took it in between returns. If a
// process dies after it took the event, the event stays taken and no other wait returns for
// it. If the process dies before, the event stays set for the next wait. If ctx ends while
// a wait takes the event, the wait returns nil.
func AutoReset() Option {
	return func(e *Event) { e.auto = true }
}

// New returns the event whose marker is at path. It does no I/O. If the path cannot be used,
// each call that does I/O returns the error.
func New(path string, opts ...Option) *Event {
	e := &Event{marker: splitMarker(path), perm: 0o666}
	for _, opt := range opts {
		opt(e)
	}
	return e
}

// Path returns the path as it was given to [New].
func (e *Event) Path() string { return e.marker.path }

// Set sets the event and wakes every Wait that began before. The directory must exist. If
// Set fails, it has not set the event, or has found it set and could not renew it. If the
// process dies in Set, the event is set or not set; no other process hangs, and there is
// nothing to repair.
//
// If the event is already set, Set renews it by replacing the marker in one step. The event
// is not clear in between. [Event.Info] tells of the last Set, the age for [MaxAge] begins
// again, and each [Watch] sees the Set. Set does not replace the following markers; then a
// Watch sees the Set within a second, and Info does not tell of it:
//   - a marker that the caller may not replace, such as another user's in a sticky
//     directory, or that is not a regular file: it stays as it is;
//   - a file with other content than a record of this package: Set changes its time.
//
// If a caller that may not write to the directory sets an event that is set, nothing
// changes, and there is no error.
//
// On Linux, Set lets the processes that it has woken run first. So it may return some
// milliseconds later on a busy machine. On a full disk that still has room for an empty
// file, Set leaves out the record that Info reads.
func (e *Event) Set() error {
	if err := e.marker.validate("set"); err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		f, err := e.marker.create(e.perm)
		if err != nil {
			return err
		}
		if f != nil {
			e.at(marked)
			yield()
			e.record(f)
			f.Close()
			e.at(recorded)
			return nil
		}
		if err := e.renew(); !errors.Is(err, fs.ErrNotExist) || attempt == maxAttempts {
			return err
		}
	}
}

// Clear clears the event. If the event is not set, Clear does nothing. All waits that a Set
// has woken return, even those that have not run since: Clear moves the marker into the
// directory .fsync beside it, which Clear creates, and leaves it there as a tombstone until
// the next Clear. After an error the event is still set, unless another process cleared it.
// A directory in the place of the marker sets the event, but Clear does not remove it and
// returns an error.
//
// Removing the marker by other means, such as rm(1), leaves no tombstone: a wait may then
// miss an event that was set only for a moment. The same may happen if the disk was full at
// the first Clear of the event.
func (e *Event) Clear() error {
	if err := e.marker.validate("clear"); err != nil {
		return err
	}
	info, err := e.marker.clearable()
	if !info.Exists || err != nil {
		return err
	}
	e.at(clearing)
	return e.marker.clear(info, rename)
}

// IsSet reports whether the event is set. The answer may be out of date as soon
// as it is returned.
func (e *Event) IsSet() (bool, error) {
	if err := e.marker.validate("look for"); err != nil {
		return false, err
	}
	return e.marker.isSet()
}

// Wait waits until the event is set, or ctx ends. It returns nil if it found the event set,
// or if a process has called [Event.Set] since Wait began; the event may have been cleared
// again when Wait returns. With [AutoReset] it returns nil if it has taken the event.
//
// The directory and its parents need not exist when Wait begins. They may be
// removed and created again while it waits.
//
// If ctx has already ended, Wait fails without a look. If the deadline of ctx passes during
// the wait, Wait looks once more, and succeeds if it finds the event set. When ctx ends,
// the error names the path and wraps [context.Cause] of ctx and the error of ctx. Every
// other error is a [*fs.PathError].
func (e *Event) Wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx, e.marker.path)
	}
	_, err := waitAny(ctx, []*Event{e})
	return err
}

// interest returns the change that Wait waits for.
func (e *Event) interest() watch.Interest {
	if e.auto {
		return watch.Take
	}
	return watch.Appear
}

// WaitFor waits as [Event.Wait] does, for d at most, and reports whether the event was set.
// If d is 0 or less, WaitFor looks once, or with [AutoReset] tries once to take the event;
// then the directory must exist. The time is measured by the monotonic clock, which on some
// systems, such as Linux, stands still while the machine is suspended.
func (e *Event) WaitFor(d time.Duration) (bool, error) {
	if d <= 0 {
		return e.try()
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	_, err := waitAny(ctx, []*Event{e}) // looks once however short d is
	if ended := (*endedError)(nil); errors.As(err, &ended) {
		return false, nil
	}
	return err == nil, err
}

func (e *Event) try() (bool, error) {
	if !e.auto {
		set, err := e.IsSet()
		return set && e.isYoung(e.marker.path), err
	}
	if err := e.marker.validate("take"); err != nil {
		return false, err
	}
	m := e.marker.withKind()
	m.refresh()
	taken, err := e.take(m)
	if taken || err != nil {
		return taken, err
	}
	return false, m.directoryExists()
}

// WaitClear waits until the event is not set, or ctx ends. It returns nil when it finds that
// the marker, or its directory, does not exist. It may miss a Clear if the event is set
// again at once. The errors are the same as from [Event.Wait].
func (e *Event) WaitClear(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx, e.marker.path)
	}
	w := &wait{ctx: ctx, what: e.Path}
	if err := w.begin([]*Event{e}, func(*Event) watch.Interest { return watch.Vanish }); err != nil {
		return err
	}
	w.step = func([]int) (bool, error) { return w.conditions[0].check() }
	return w.run()
}
