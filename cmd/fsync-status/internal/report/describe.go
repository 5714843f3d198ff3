package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/journal"
)

func endOf(r journal.Run) time.Time { return r.Start.Add(r.Waited + r.Held) }

// failed reports whether a run counts as failed in the summary. Killed, skipped and
// timed-out runs have counts of their own.
func failed(r journal.Run) bool {
	switch r.Outcome {
	case journal.Ran, journal.Started:
		return r.Status != 0
	case journal.Signalled, journal.Interrupted, journal.FailedToLock, journal.FailedToStart:
		return true
	}
	return false
}

// isProblem reports whether a run failed or did not run.
func isProblem(r journal.Run) bool {
	switch r.Outcome {
	case journal.Running:
		return couldNotBeKilled(r)
	case journal.Ran, journal.Started:
		return failed(r)
	}
	return true
}

// couldNotBeKilled reports whether a run reached its time limit and could not be killed.
// Other runs with the outcome Running have no exit status.
func couldNotBeKilled(r journal.Run) bool { return r.Outcome == journal.Running && r.Status != 0 }

// classes are the CSS classes of bars (report.css), in the order of their lanes.
var classes = []string{"ok", "running", "open", "failed", "killed", "gaveup", "skipped", "error"}

// class returns the class of the bar of a run.
func class(r journal.Run) string {
	switch r.Outcome {
	case journal.Killed:
		return "killed"
	case journal.Running:
		return "running"
	case journal.Skipped:
		return "skipped"
	case journal.TimedOut, journal.Interrupted:
		return "gaveup"
	case journal.FailedToLock, journal.FailedToStart:
		return "error"
	}
	switch {
	case failed(r):
		return "failed"
	case r.Outcome == journal.Started:
		return "open"
	}
	return "ok"
}

// classText describes the outcome of the runs of a class.
func classText(class string) string {
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

// outcomeText describes the outcome of a run.
func outcomeText(r journal.Run) string {
	signal := cmp.Or(printable.Text(r.Signal), "a signal")
	isEvent := r.Kind == journal.KindEvent
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
		if couldNotBeKilled(r) {
			return "reached its time limit, could not be killed and is still running"
		}
		return "still running"
	case journal.Skipped:
		return "skipped: " + choose(isEvent, "the event was not set", "the lock was held")
	case journal.TimedOut:
		return "gave up waiting: " + choose(isEvent, "the event was not set", "the lock was held")
	case journal.Interrupted:
		return signal + " ended the wait"
	case journal.FailedToLock:
		return choose(isEvent, "could not wait for the event", "could not lock")
	}
	return "could not be started"
}

func choose(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// exactly formats a duration, a short one with fractions of a second.
func exactly(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Microsecond * 100).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return cli.Span(d.Round(time.Second))
}

// noticed is the shortest wait that is shown: locking takes some time even if the lock is
// free.
const noticed = 10 * time.Millisecond

const (
	toTheSecond = "2006-01-02 15:04:05"
	toTheMinute = "2 January 2006, 15:04"
)

// formatEnd formats the end of a run. It leaves out the date if that is the date of the
// start.
func formatEnd(start, end time.Time) string {
	if start.Local().Format(time.DateOnly) == end.Local().Format(time.DateOnly) {
		return end.Local().Format(time.TimeOnly)
	}
	return end.Local().Format(toTheSecond)
}

// describe returns the text of a run, in some lines.
func describe(r journal.Run) string {
	lines := []string{printable.Shorten(cmp.Or(r.Name, r.Lock), longText) + ": " + outcomeText(r), describeTimes(r)}
	if len(r.Command) > 0 {
		lines = append(lines, commandOf(r))
	}
	if r.Reason != "" {
		lines = append(lines, printable.Shorten(r.Reason, longText))
	}
	var process []string
	if r.PID > 0 {
		process = append(process, fmt.Sprintf("pid %d", r.PID))
	}
	if r.User != "" {
		process = append(process, "of "+printable.Text(r.User))
	}
	if r.Host != "" {
		process = append(process, "on "+printable.Text(r.Host))
	}
	if process != nil {
		lines = append(lines, strings.Join(process, " "))
	}
	return strings.Join(lines, "\n")
}

func describeTimes(r journal.Run) string {
	text := r.Start.Local().Format(toTheSecond)
	if r.Waited+r.Held > 0 {
		text += " to " + formatEnd(r.Start, endOf(r))
	}
	if r.Waited >= noticed {
		text += ", waited " + exactly(r.Waited)
	}
	if r.Held > 0 {
		text += ", " + choose(r.Kind == journal.KindEvent, "ran ", "held ") + exactly(r.Held)
		if r.Outcome == journal.Running {
			text += " so far"
		}
	}
	return text
}

func commandOf(r journal.Run) string {
	return printable.Shorten(strings.Join(r.Command, " "), longText)
}

// longText is how many characters of a name, a command or a reason are shown.
const longText = 300

// trimmed returns a run without text that is not shown: a command may have 16 KiB.
func trimmed(r journal.Run) journal.Run {
	for _, text := range []*string{&r.Name, &r.Host, &r.User, &r.Signal, &r.Reason} {
		*text = shortened(*text)
	}
	if len(r.Command) > 0 {
		r.Command = []string{shortened(strings.Join(r.Command, " "))}
	}
	return r
}

// shortened returns the part of a text that is shown, in memory of its own.
func shortened(s string) string {
	if len(s) <= longText {
		return s
	}
	return strings.Clone(printable.Shorten(s[:min(len(s), 4*longText+4)], longText))
}
