package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/fileevent"
)

// runEach runs the command once for each set of one of the events, until a signal
// comes or, with -w, no event was set for that time. All sets that come while
// the command runs lead to one more run.
//
// It returns the status of the last command that failed.
func (j *job) runEach() int {
	l, err := j.listen()
	if err != nil {
		return j.program.Fail(cli.OpenStatus(err), err)
	}
	runs, failed := 0, 0
	for ; ; runs++ {
		switch err := l.next(); {
		case errors.Is(err, context.DeadlineExceeded) && runs > 0:
			return failed
		case err != nil:
			return j.waitFailed(j.awaited, err)
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
				return j.relay.ExitLike(end)
			}
			return status
		case status != 0:
			failed = status
			j.sayFailed(end)
		}
	}
}

// sayFailed prints that a command failed: there is no exit status until fsync-event
// ends.
func (j *job) sayFailed(end child.Outcome) {
	how := fmt.Sprintf("exit status %d", end.Status)
	switch {
	case j.quiet, end.Status == 0: // an event could not be set, which has been printed
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
	due     bool               // an event was set before the listener began
}

// listen begins to listen. An event that is already set counts as a set. Then the watches
// are made again before the command runs: that run serves all sets so far, and the new
// watches see all later ones.
func (j *job) listen() (*listener, error) {
	l := &listener{job: j}
	if j.take {
		return l, nil
	}
	err := l.watch()
	for _, t := range j.awaited {
		l.due = l.due || err == nil && j.counts(t)
	}
	if l.due {
		err = l.watch()
	}
	return l, err
}

func (l *listener) watch() error {
	l.watches = nil
	for i, t := range l.awaited {
		if slices.ContainsFunc(l.awaited[:i], func(other target) bool { return other.Path() == t.Path() }) {
			continue // otherwise each set would be seen twice
		}
		w, err := t.Watch()
		if err != nil {
			return err
		}
		l.watches = append(l.watches, w)
	}
	return nil
}

// next returns when there is a set that no run of the command has served. When the time
// of -w is up, the error is [context.DeadlineExceeded].
func (l *listener) next() error {
	if l.take {
		_, err := l.await(l.relay, l.awaited)
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
	defer l.notice(l.relay, l.awaited)()
	ctx, cancel := cli.Within(l.timeout)
	defer cancel()
	return l.first(ctx)
}

// first waits until one of the watches sees a set. Then it stops the others and waits
// until they have ended. The next run of the command also serves the sets that they saw.
func (l *listener) first(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
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
		return nil // if there is an error, too, the next call finds it again
	}
	return cmp.Or(err, late)
}
