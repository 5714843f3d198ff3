package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/journal"
)

func endOf(r journal.Run) time.Time { return r.Start.Add(r.Waited + r.Held) }

// failed reports whether a run counts as failed. Others have a count of their
// own.
func failed(r journal.Run) bool {
	switch r.Outcome {
	case journal.Ran, journal.Started:
		return r.Status != 0
	case journal.Signalled, journal.Interrupted, journal.FailedToLock, journal.FailedToStart:
		return true
	}
	return false
}

// isTrouble reports whether a run did not come to be, or went wrong.
func isTrouble(r journal.Run) bool {
	switch r.Outcome {
	case journal.Running:
		return wasLeft(r)
	case journal.Ran, journal.Started:
		return failed(r)
	}
	return true
}

// wasLeft reports whether the wrapper has ended and left something of the run
// behind that it could not kill: nothing else of what is running has a status.
func wasLeft(r journal.Run) bool { return r.Outcome == journal.Running && r.Status != 0 }

// class is what a run looks like.
func class(r journal.Run) string {
	switch r.Outcome {
	case journal.Killed:
		return "killed"
	case journal.Started:
		if failed(r) {
			return "failed"
		}
		return "open"
	case journal.Running:
		return "running"
	case journal.Skipped:
		return "skipped"
	case journal.TimedOut, journal.Interrupted:
		return "gaveup"
	case journal.FailedToLock, journal.FailedToStart:
		return "error"
	}
	if failed(r) {
		return "failed"
	}
	return "ok"
}

// allClasses are those that there are, in the order of their lanes.
var allClasses = []string{"ok", "running", "open", "failed", "killed", "gaveup", "skipped", "error"}

// what says what became of a run.
func what(r journal.Run) string {
	if r.Kind == journal.KindEvent {
		switch r.Outcome {
		case journal.Skipped:
			return "skipped: the event was not set"
		case journal.TimedOut:
			return "gave up waiting: the event was not set"
		case journal.FailedToLock:
			return "could not wait for the event"
		}
	}
	signal := cmp.Or(printable.Text(r.Signal), "a signal")
	switch r.Outcome {
	case journal.Ran:
		if r.Status != 0 {
			return fmt.Sprintf("failed with exit status %d", r.Status)
		}
		return "ran"
	case journal.Signalled:
		return "ended by " + signal
	case journal.Killed:
		return "killed: it reached its time limit"
	case journal.Started:
		if failed(r) {
			return "reached its time limit, and could not be killed"
		}
		return "started; its end was not recorded"
	case journal.Running:
		if wasLeft(r) {
			return "reached its time limit, could not be killed and is still running"
		}
		return "still running"
	case journal.Skipped:
		return "skipped: the lock was held"
	case journal.TimedOut:
		return "gave up waiting: the lock was held"
	case journal.Interrupted:
		return signal + " ended the wait"
	case journal.FailedToLock:
		return "could not lock"
	}
	return "could not be started"
}

// inClass says of many runs what class they are of.
func inClass(class string) string {
	switch class {
	case "open":
		return "end not recorded"
	case "running":
		return "still running"
	case "gaveup":
		return "gave up waiting"
	case "error":
		return "could not start"
	case "failed":
		return "failed, or ended by a signal"
	case "ok":
		return "ran"
	}
	return class
}

// exactly writes how long something took.
func exactly(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Microsecond * 100).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return span(d.Round(time.Second))
}

// noticed is a wait that was one: to find a lock free takes time, too.
const noticed = 10 * time.Millisecond

const (
	toTheSecond = "2006-01-02 15:04:05"
	toTheMinute = "2 January 2006, 15:04"
)

// facts are what is to be known about a block, in lines.
func (b *block) facts(label string) string {
	if b.n == 1 {
		return facts(b.run)
	}
	lines := []string{
		fmt.Sprintf("%s: %d runs in one bar: %s", label, b.n, inClass(b.class)),
		fmt.Sprintf("%s to %s", b.start.Local().Format(toTheSecond), until(b.start, b.end)),
	}
	var times []string
	if b.wait >= noticed {
		times = append(times, "longest wait "+exactly(b.wait))
	}
	if b.hold > 0 {
		times = append(times, "longest hold "+exactly(b.hold))
	}
	for _, line := range []string{strings.Join(times, ", "), b.hosts.String()} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// until writes the end of something, with its day if that is another one.
func until(start, end time.Time) string {
	if start.Local().Format("2006-01-02") == end.Local().Format("2006-01-02") {
		return end.Local().Format("15:04:05")
	}
	return end.Local().Format(toTheSecond)
}

// facts are what is to be known about a run, in lines.
func facts(r journal.Run) string {
	lines := []string{printable.Shorten(cmp.Or(r.Name, r.Lock), longText) + ": " + what(r)}
	times := r.Start.Local().Format(toTheSecond)
	if all := r.Waited + r.Held; all > 0 {
		times += " to " + until(r.Start, endOf(r))
	}
	if r.Waited >= noticed {
		times += ", waited " + exactly(r.Waited)
	}
	if r.Held > 0 {
		times += ", " + holding(r) + " " + exactly(r.Held)
		if r.Outcome == journal.Running {
			times += " so far"
		}
	}
	lines = append(lines, times)
	if len(r.Command) > 0 {
		lines = append(lines, commandOf(r))
	}
	if r.Reason != "" {
		lines = append(lines, printable.Shorten(r.Reason, longText))
	}
	var who []string
	if r.PID > 0 {
		who = append(who, fmt.Sprintf("pid %d", r.PID))
	}
	if r.User != "" {
		who = append(who, "of "+printable.Text(r.User))
	}
	if r.Host != "" {
		who = append(who, "on "+printable.Text(r.Host))
	}
	if who != nil {
		lines = append(lines, strings.Join(who, " "))
	}
	return strings.Join(lines, "\n")
}

// holding says what a run did until it ended: one that waited for an event
// holds nothing.
func holding(r journal.Run) string {
	if r.Kind == journal.KindEvent {
		return "ran"
	}
	return "held"
}

func commandOf(r journal.Run) string {
	return printable.Shorten(strings.Join(r.Command, " "), longText)
}
