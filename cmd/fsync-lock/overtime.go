package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/child"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/internal/printable"
)

// reportOvertime prints on stderr that the command ran longer than its limit, and how it
// ended; cron(8) mails the message. For the journal it returns the part of the message
// about processes that did not end.
func (j *job) reportOvertime(l lock, end child.Outcome) (why string) {
	if !end.Overtime {
		return ""
	}
	said := fmt.Sprintf("command ended after %v (--max-runtime)", j.maxRuntime)
	switch {
	case end.Status == cli.ExitNotEnded:
		why = "could not be killed: " + survivors(end.Left)
		said = fmt.Sprintf("command ran for longer than %v (--max-runtime) and %s", j.maxRuntime, why)
	case len(end.Left) > 0:
		why = "still running: " + survivors(end.Left)
		said += "; " + why + " (--kill-after would kill it)"
	case end.By != 0:
		said = fmt.Sprintf("command killed after %v (--max-runtime and --kill-after)", j.maxRuntime+j.killAfter)
	}
	j.complainSoon(j.label(l) + ": " + said)
	return why
}

// survivors returns a list of processes for a message.
func survivors(list []child.Survivor) string {
	const most = 5
	var names []string
	for i, s := range list {
		if i == most {
			names = append(names, fmt.Sprintf("%d more", len(list)-most))
			break
		}
		name := fmt.Sprintf("pid %d", s.PID)
		if s.Name != "" {
			name += " (" + printable.Shorten(s.Name, 40) + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// complainSoon prints a line on stderr. If the line cannot be written, because no process
// reads it, complainSoon returns after 100 ms.
func (j *job) complainSoon(line string) {
	said := make(chan struct{})
	go func() {
		j.program.Complain(line)
		close(said)
	}()
	select {
	case <-said:
	case <-time.After(100 * time.Millisecond):
	}
}
