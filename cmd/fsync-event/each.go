package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/fileevent"
)

// each runs the command once for each set of one of the events, until a signal
// ends that or, with -w, nothing has been set for so long. What is set while
// the command runs has it run once more, however often that was.
//
// It returns the status of the last command that failed.
func (j *job) each() int {
	l, err := j.listen()
	if err != nil {
		return j.fail(openStatus(err), err)
	}
	runs, failed := 0, 0
	for ; ; runs++ {
		switch err := l.next(); {
		case errors.Is(err, context.DeadlineExceeded) && runs > 0:
			return failed
		case err != nil:
			return j.waitFailed(j.when, err)
		}
		j.noteOld(j.began)
		e := j.begin()
		e.Waited()
		end, status, started := j.execute(e)
		j.taken = nil
		switch {
		case !started:
			return status
		case !j.relay.Again(end):
			if end.Status != 0 {
				return j.relay.Mourn(end)
			}
			return status
		case status != 0:
			failed = status
			j.sayFailed(end)
		}
	}
}

// sayFailed says that a command failed, which no exit status tells.
func (j *job) sayFailed(end child.Outcome) {
	how := fmt.Sprintf("exit status %d", end.Status)
	switch {
	case j.quiet, end.Status == 0: // that an event cannot be set has been said
		return
	case end.By != 0:
		how = "ended by " + child.SignalName(end.By)
	}
	j.remark(j.operands[0] + ": " + how + "; waiting for the next set")
}

// A listener waits for one set after the other.
type listener struct {
	*job
	watches []*fileevent.Watch // not with --take
	due     bool               // there was a set before it began to listen
}

// listen begins to listen. What is set already counts as a set. The watches are
// made anew then, before the command runs: that serves all sets until then, and
// the watches see all from then on.
func (j *job) listen() (*listener, error) {
	l := &listener{job: j}
	if j.take {
		return l, nil
	}
	err := l.watch()
	for _, t := range j.when {
		l.due = l.due || err == nil && j.counts(t)
	}
	if l.due {
		err = l.watch()
	}
	return l, err
}

func (l *listener) watch() error {
	l.watches = nil
	for i, t := range l.when {
		if slices.ContainsFunc(l.when[:i], func(other target) bool { return other.Path() == t.Path() }) {
			continue // a set of one event is one
		}
		w, err := t.Watch()
		if err != nil {
			return err
		}
		l.watches = append(l.watches, w)
	}
	return nil
}

// next returns when there is a set that no command has served. The error of a
// wait whose time is up is [context.DeadlineExceeded].
func (l *listener) next() error {
	if l.take {
		_, err := l.await(l.relay, l.when)
		return err
	}
	l.relay.Ready()
	switch {
	case l.due:
		l.due = false
		return nil
	case l.timeout == 0:
		return context.DeadlineExceeded
	}
	defer l.notice(l.relay, l.when)()
	ctx, cancel := context.WithCancel(context.Background())
	if l.timeout != forever {
		ctx, cancel = context.WithTimeout(context.Background(), min(l.timeout, 100*365*24*time.Hour))
	}
	defer cancel()
	return l.first(ctx, cancel)
}

// first waits for one of the watches, and for the end of the waits for the
// others. What these have seen by then the command serves as well.
func (l *listener) first(ctx context.Context, cancel func()) (err error) {
	seen := make(chan error, len(l.watches))
	for _, w := range l.watches {
		go func() { seen <- w.Next(ctx) }()
	}
	set, late := false, error(nil)
	for range l.watches {
		switch e := <-seen; {
		case e == nil:
			set = true
			cancel()
		case errors.Is(e, ctx.Err()):
			late = e
		default:
			err = e
			cancel()
		}
	}
	if set {
		return nil // an error comes again
	}
	return cmp.Or(err, late)
}
