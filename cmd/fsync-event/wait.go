package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/internal/printable"
)

// wait waits for the events and prints those that ended the wait: all events, or with
// --any one.
func (q *query) wait(out *os.File, targets []target, r *child.Relay) int {
	won, err := q.await(r, targets)
	if err != nil {
		return q.waitFailed(targets, err)
	}
	if q.quiet {
		return 0
	}
	terminal := term.IsTerminal(out)
	var lines strings.Builder
	for _, t := range won {
		label := t.label
		if terminal {
			label = printable.Text(label)
		}
		lines.WriteString(label + "\n")
	}
	if _, err := out.WriteString(lines.String()); err != nil {
		return q.program.Fail(cli.ExitOutput, err)
	}
	return 0
}

// waitFailed prints why a wait failed, and returns the exit status.
//
// When the time is up, it prints a message on a terminal only, because a script sees that
// from the exit status. In two cases the exit status does not tell all, and it always
// prints a message: the directory does not exist, or run has not started its command.
func (q *query) waitFailed(targets []target, err error) int {
	if !errors.Is(err, context.DeadlineExceeded) {
		return q.program.Fail(cli.OpenStatus(err), err)
	}
	missing := q.missing(targets)
	switch {
	case q.quiet, q.timeout == 0: // after a single look, the exit status is the answer
	case term.IsTerminal(os.Stderr), missing != "", q.verb == "run":
		message := "gave up " + q.waitingFor(targets) + missing + q.tooOld(targets)
		if q.verb == "run" {
			message += "; " + q.operands[0] + " was not started"
		}
		q.remark(message)
	}
	return exitNotSet
}

// missing returns the end of a message: which directory does not exist; empty = none.
func (q *query) missing(targets []target) string {
	for _, t := range targets {
		if _, err := t.IsSet(); !q.cleared && errors.Is(err, fs.ErrNotExist) {
			return ": the directory " + filepath.Dir(t.Path()) + " does not exist"
		}
	}
	return ""
}

// tooOld returns the end of a message: which event was set too long ago; empty = none.
func (q *query) tooOld(targets []target) string {
	if q.maxAge == 0 {
		return ""
	}
	for _, t := range targets {
		if set, err := t.IsSet(); !set || err != nil || q.counts(t) {
			continue
		}
		if info, err := t.Info(); err == nil && !info.Since.IsZero() {
			return ": " + t.label + " was set " + inWords(time.Since(info.Since)) + " ago"
		}
		return ": " + t.label + " was set longer ago than --max-age"
	}
	return ""
}

// counts reports whether the event is set, and not too old. It does not take the event.
func (q *query) counts(t target) bool {
	set, err := fileevent.New(t.Path(), fileevent.MaxAge(q.maxAge)).WaitFor(0)
	return set && err == nil
}

// inWords formats a duration in whole seconds, or a short one in milliseconds.
func inWords(d time.Duration) string {
	if d >= time.Second {
		return d.Truncate(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// await waits and returns the events that ended the wait. When the time is up, the error
// is [context.DeadlineExceeded]. A signal that comes meanwhile ends this process.
func (q *query) await(r *child.Relay, targets []target) (won []target, err error) {
	r.Ready()
	if q.take {
		for _, t := range targets {
			defer t.Tidy()
		}
	}
	err = context.DeadlineExceeded
	if q.timeout != 0 {
		defer q.notice(r, targets)()
		won, err = q.awaitFor(q.timeout, targets)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return won, err
	}
	// A short time may be up before the wait has looked at the events. With a time of 0
	// there was no wait: it would watch the directory, and not report a missing one.
	switch met, metErr := q.met(targets); {
	case met:
		return q.awaitFor(lastTry, targets)
	case q.timeout == 0:
		return nil, metErr
	}
	return nil, err
}

// lastTry is the time for a wait that ends with its first look, unless another process
// takes the event.
const lastTry = time.Second

// awaitFor is one wait of at most d.
func (q *query) awaitFor(d time.Duration, targets []target) ([]target, error) {
	ctx, cancel := cli.Within(d)
	defer cancel()
	events := make([]*fileevent.Event, len(targets))
	for i, t := range targets {
		events[i] = t.Event
	}
	won, err := -1, error(nil)
	switch {
	case q.cleared:
		won, err = q.awaitCleared(ctx, events)
	case q.any:
		won, err = fileevent.WaitAny(ctx, events...)
	default:
		err = fileevent.WaitAll(ctx, events...)
	}
	if won >= 0 {
		targets = targets[won : won+1]
	}
	return targets, err
}

// notice shows on a terminal what this process waits for, until wipe is called or a
// signal ends the process.
func (q *query) notice(r *child.Relay, targets []target) (wipe func()) {
	n := term.Show(func() string { return string(q.program) + ": " + q.waitingFor(targets) + q.missing(targets) })
	r.BeforeExit(n.Wipe)
	return n.Wipe
}

// met looks once at the events, without taking one, and reports whether they end the
// wait. If not, the error is [context.DeadlineExceeded] or the reason why an event cannot
// be read.
func (q *query) met(targets []target) (bool, error) {
	unmet := 0
	for _, t := range targets {
		set, err := t.IsSet()
		if q.cleared && errors.Is(err, fs.ErrNotExist) {
			set, err = false, nil // no event is set in a missing directory
		}
		if set && q.maxAge > 0 {
			set = q.counts(t)
		}
		switch {
		case err != nil:
			return false, err
		case set == q.cleared:
			unmet++
		case q.any:
			return true, nil
		}
	}
	if unmet > 0 {
		return false, context.DeadlineExceeded
	}
	return true, nil
}

// awaitCleared waits until all events have been clear, or with --any one of them, whose
// index it returns. Each event has a wait of its own. Waits that are not needed any more
// end with this process.
func (q *query) awaitCleared(ctx context.Context, events []*fileevent.Event) (won int, err error) {
	type end struct {
		i   int
		err error
	}
	ends := make(chan end, len(events))
	for i, e := range events {
		go func() { ends <- end{i, e.WaitClear(ctx)} }()
	}
	for range events {
		end := <-ends
		switch late := errors.Is(end.err, context.DeadlineExceeded); {
		case end.err == nil && q.any:
			return end.i, nil
		case end.err != nil && !(late && q.any):
			return -1, end.err
		case late:
			err = end.err // unless another event is cleared in time
		}
	}
	return -1, err
}

// waitingFor returns a text such as: waiting for a and b.
func (q *query) waitingFor(targets []target) string {
	var labels []string
	for _, t := range targets {
		labels = append(labels, t.label)
	}
	separator := and
	if q.any {
		separator = " or "
	}
	text := "waiting for " + strings.Join(labels, separator)
	if q.cleared {
		text += " to be cleared"
	}
	return text
}
