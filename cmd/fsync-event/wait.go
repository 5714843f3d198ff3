package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/internal/plain"
)

// wait waits for the events and prints those that ended the wait: of --any the
// one, and else all.
func (q *query) wait(out *os.File, targets []target, r *child.Relay) int {
	won, err := q.await(r, targets)
	if err != nil {
		return q.waitFailed(targets, err)
	}
	_, terminal := term.Columns(out)
	var lines strings.Builder
	for _, t := range won {
		label := t.label
		if terminal {
			label = plain.Harmless(label)
		}
		lines.WriteString(label + "\n")
	}
	if _, err := out.WriteString(lines.String()); err != nil {
		return q.fail(exitInternal, err)
	}
	return 0
}

// waitFailed is the status of a wait that failed. That the time is up is said
// to people only: scripts have the status.
func (q *query) waitFailed(targets []target, err error) int {
	if !errors.Is(err, context.DeadlineExceeded) {
		return q.fail(openStatus(err), err)
	}
	if _, terminal := term.Columns(os.Stderr); terminal && q.timeout > 0 && term.Takes(os.Stderr) {
		q.complain("gave up " + q.waiting(targets))
	}
	return exitNotSet
}

// await returns the events that ended the wait. The error of a wait whose time
// is up is [context.DeadlineExceeded]. A signal that comes meanwhile ends the
// process.
func (q *query) await(r *child.Relay, targets []target) ([]target, error) {
	r.Ready()
	if q.timeout == 0 {
		// A wait in vain would begin to watch the directory first, and not
		// mind if it is missing.
		if met, err := q.met(targets); !met || err != nil {
			return nil, err
		}
	} else {
		notice := term.Show(func() string { return q.program + ": " + q.waiting(targets) })
		r.Before(notice.Wipe)
		defer notice.Wipe()
	}
	events := make([]*fileevent.Event, len(targets))
	for i, t := range targets {
		events[i] = t.Event
	}
	won, err := -1, error(nil)
	switch {
	case q.cleared:
		won, err = q.awaitCleared(events)
	case q.any:
		won, err = fileevent.WaitAny(q.patience(), events...)
	default:
		err = fileevent.WaitAll(q.patience(), events...)
	}
	if won >= 0 {
		targets = targets[won : won+1]
	}
	return targets, err
}

// met is one look at the events, without taking any. If it is in vain the
// error is [context.DeadlineExceeded].
func (q *query) met(targets []target) (bool, error) {
	missing := 0
	for _, t := range targets {
		set, err := t.IsSet()
		if q.cleared && errors.Is(err, fs.ErrNotExist) {
			set, err = false, nil // in a directory that is missing nothing is set
		}
		switch {
		case err != nil:
			return false, err
		case set == q.cleared:
			missing++
		case q.any:
			return true, nil
		}
	}
	if missing > 0 {
		return false, context.DeadlineExceeded
	}
	return true, nil
}

// awaitCleared waits until all events are cleared, or one with --any, whose
// index it returns. Each has a wait of its own, and those that are left over
// end with the process.
func (q *query) awaitCleared(events []*fileevent.Event) (won int, err error) {
	type end struct {
		i   int
		err error
	}
	ends := make(chan end, len(events))
	for i, e := range events {
		go func() { ends <- end{i, e.WaitClear(q.patience())} }()
	}
	for range events {
		end := <-ends
		switch late := errors.Is(end.err, context.DeadlineExceeded); {
		case end.err == nil && q.any:
			return end.i, nil
		case end.err != nil && !(late && q.any):
			return -1, end.err
		case late:
			err = end.err // unless another was in time
		}
	}
	return -1, err
}

// patience returns the context of one wait.
func (q *query) patience() context.Context {
	if q.timeout == forever {
		return context.Background()
	}
	return &patience{Context: context.Background(), time: q.timeout}
}

// A patience is a context whose time begins when somebody waits for its end,
// which is after a first look. The time of an ordinary one may be up before
// that look, and then there is none. It is for one goroutine.
type patience struct {
	context.Context
	time time.Duration
	end  context.CancelFunc // nil until it has begun; the process ends first
}

func (p *patience) Done() <-chan struct{} {
	if p.end == nil {
		p.Context, p.end = context.WithTimeout(p.Context, p.time)
	}
	return p.Context.Done()
}

// waiting says what is waited for.
func (q *query) waiting(targets []target) string {
	var labels []string
	for _, t := range targets {
		labels = append(labels, t.label)
	}
	and := " and "
	if q.any {
		and = " or "
	}
	text := "waiting for " + strings.Join(labels, and)
	if q.cleared {
		text += " to be cleared"
	}
	return text
}
