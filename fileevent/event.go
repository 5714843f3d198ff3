package fileevent

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/fsync-lock/fsync/internal/watch"
)

// An Event is set while its marker exists. Make one with [New]; the zero value
// has no path, and every call on it fails.
//
// An Event does not change and holds no resources: it may be used by many
// goroutines, copied, and dropped. Two Events with one path are one event, in
// one process or in many. The event outlives them all: a program finds it as
// whoever came before has left it, and clears it first if that is not wanted.
//
// A relative path begins in the working directory at the time of each call, as
// the kernel knows it: the value of $PWD does not matter, and the directory may
// be renamed. If the program changes its working directory during a wait, the
// wait goes on for the file that it began with, by the absolute path of the
// former directory. If that path leads elsewhere by then, or may not be used, the
// wait ends with an [*fs.PathError] that says so. A [Watch] likewise stays with
// the file that it was made for.
//
// No method hides a failure behind a state: if it cannot be known whether the
// event is set, because of missing permissions or a missing directory, that is
// the error, at once.
type Event struct {
	marker marker
	perm   fs.FileMode
	note   string
	auto   bool
	maxAge time.Duration // 0 = no limit
	onTake func(Info)
	hook   func(step) // tests only
}

// A step is a place in a call where another process can get in between.
type step int

const (
	marked      step = iota // Set has made the marker
	recorded                // Set has written the record
	renewing                // Set is about to replace the marker of an event that is set
	clearing                // Clear has seen the marker
	announced               // Clear has announced what it is about to do
	looking                 // Wait knows the trace and has not yet looked for the marker
	subscribing             // Wait has seen that the event is not set
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
// 0o666. Nobody needs permissions on the marker itself but those who want to
// read with [Event.Info] who set it: setting, clearing and waiting are matters
// of the directory.
func Perm(mode fs.FileMode) Option {
	return func(e *Event) { e.perm = mode.Perm() }
}

// Note is what [Event.Info] tells others about a Set of this Event: why, for
// what, what to do about it. What is longer than a page is cut.
func Note(text string) Option {
	return func(e *Event) { e.note = text }
}

// AutoReset makes waits take the event: [Event.Wait] clears it when it returns
// nil, and of all that wait, in whatever process, one returns for each time
// that the event was set. Which one is not said. To set it when it is set
// already adds nothing. [Event.IsSet] and [Event.WaitClear] take nothing.
//
// Nothing records that an event is one with AutoReset, so all who wait have to
// use it. A wait without it takes nothing; it is woken by what others take as by
// what they clear, but not on Windows.
//
// An event that is set and cleared at once wakes nobody who did not take it in
// between. A process that dies after it took the event, and before it did what
// it took it for, has taken it all the same: nobody else is woken for it. One
// that dies before leaves the event set, for the next. A wait whose ctx ends
// while it takes the event has taken it, and returns nil.
func AutoReset() Option {
	return func(e *Event) { e.auto = true }
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
func (e *Event) Path() string { return e.marker.path }

// Set sets the event and wakes every Wait that began before. An event that is
// set already is set anew: it is not clear for any moment in between, and
// [Event.Info] tells of the last Set. That renews what is too old for
// [MaxAge], and each [Watch] sees it. A marker that the caller may not replace,
// such as somebody else's in a sticky directory, is left as it is; so is what is
// not a regular file, and of a file with other content than ours Set changes
// only the time. A Watch sees such a Set within a second. Whoever may not write
// to the directory changes nothing by setting what is set.
//
// The directory must exist. A Set that fails has not set the event, or has
// found it set and could not renew it. A process
// that dies in Set has set the event or has not. Nobody hangs, and the next Set
// needs no repairs. On Linux it lets those whom it has woken run first: where
// more wants to run than there are processors, Set may return some milliseconds
// later for that. On a full disk that has room for an empty file, Set does
// without the record that Info reads.
func (e *Event) Set() error {
	if err := e.marker.check("set"); err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		f, err := e.marker.create(e.perm)
		if err != nil {
			return err
		}
		if f != nil {
			e.at(marked)
			giveWay()
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

// Clear removes the marker. If there is none in the directory it does nothing.
// It does not undo that a Set has woken somebody, not even those who have not
// noticed yet: it moves the marker to the directory .fsync beside it, which it
// makes, and leaves it there for them until the next Clear. After an error the
// event is still set, unless somebody else cleared it. A directory in the
// marker's place sets the event and is not removed: that is an error.
//
// Whoever removes the marker by other means, such as rm(1), leaves no trace:
// an event that was set only for a moment may then go unseen. So it may if the
// disk was full when the event was cleared for the first time ever.
func (e *Event) Clear() error {
	if err := e.marker.check("clear"); err != nil {
		return err
	}
	info, err := e.marker.clearable()
	if info == nil || err != nil {
		return err
	}
	e.at(clearing)
	// The announcement comes first: who polls sees it and then the marker, or
	// at the next look the trace. The other way round, a Clear that dies in
	// between would leave a trace that nobody looks for.
	if err := watch.Announce(e.marker.path); err != nil && !isFull(err) {
		return &fs.PathError{Op: "clear", Path: e.marker.path, Err: err}
	}
	e.at(announced)
	return e.marker.clear(info)
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
// have been cleared again when it returns. With [AutoReset] it returns nil if
// it has taken the event.
//
// The directory need not exist when Wait begins, nor those above it, and may be
// removed and made again while it waits.
//
// If ctx has ended, Wait fails without a look. If ctx ends by its deadline
// while Wait waits, it looks once more, and what it sees counts. The error
// names the path and wraps [context.Cause] of ctx and the error of ctx itself.
// Every other error is a [*fs.PathError].
func (e *Event) Wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx, e.marker.path)
	}
	_, err := waitAny(ctx, []*Event{e})
	return err
}

// aim is what Wait waits for.
func (e *Event) aim() watch.Aim {
	if e.auto {
		return watch.Claim
	}
	return watch.Appear
}

// WaitFor waits as [Event.Wait] does, for d at most, and reports whether the
// event was set. If d is not positive it is one look, for which the directory
// has to exist, or with [AutoReset] one try to take the event. A wait that was
// in vain has lasted for d, by the monotonic clock, which on some systems, such
// as Linux, stands still while the machine is suspended.
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
		return set && e.counts(e.marker.path), err
	}
	if err := e.marker.check("take"); err != nil {
		return false, err
	}
	m := e.marker.located()
	m.refresh()
	taken, err := e.take(m)
	if taken || err != nil {
		return taken, err
	}
	return false, m.directoryExists()
}

// WaitClear waits until the event is not set, or ctx ends. It returns nil when
// it has looked and found the marker gone. An event that is cleared and set
// again between two looks may go unseen. The end of ctx and errors are as with
// [Event.Wait]. A directory that is missing has no marker in it.
func (e *Event) WaitClear(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx, e.marker.path)
	}
	w := &wait{ctx: ctx, what: e.Path}
	if err := w.keep([]*Event{e}, func(*Event) watch.Aim { return watch.Vanish }); err != nil {
		return err
	}
	w.step = func([]int) (bool, error) { return w.vigils[0].look() }
	return w.run()
}
