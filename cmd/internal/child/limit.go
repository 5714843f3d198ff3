package child

import (
	"slices"
	"syscall"
	"time"
)

// A Limit is the end of the time that a command may run: TERM and then, if it
// does not heed it, KILL, as timeout(1) has it. They go to all that the command
// has started where the system tells of that (Linux with /proc), and elsewhere
// to its process group.
//
// The command gets a group of its own for that, so that nobody else is hit.
// As a job of its own in the foreground of a terminal it does not: it would be
// in the background there, and could not read what is typed. There the shell
// has made a group of the job, and that is ended.
type Limit struct {
	Time      time.Duration // 0 = no limit
	KillAfter time.Duration // 0 = no KILL
}

// A Survivor is a process that a command has started and that was not ended.
type Survivor struct {
	PID  int
	Name string // empty if it is not known
}

// A clock is the limit of a command that runs.
type clock struct {
	Limit
	gaveUp chan struct{} // closed when the command cannot be ended

	// Guarded by the relay's mutex until the command has ended.
	exceeded time.Time // when TERM was sent; zero = it was not
	killed   bool
}

const (
	// graceOfTerm is for what the command has started and that takes a little
	// longer than the command to heed TERM, if there is no KILL.
	graceOfTerm = time.Second
	// graceOfKill is for the kernel to end what was killed. A process that hangs
	// in a file system ends when that goes on, which may be never.
	graceOfKill = 5 * time.Second
)

// on sets the clock for a command that has just been started.
func (l Limit) on(p *process, r *Relay) *clock {
	c := &clock{Limit: l, gaveUp: make(chan struct{})}
	time.AfterFunc(l.Time, func() {
		sent := true
		if !r.unlessOver(func() {
			c.exceeded = time.Now()
			sent = p.signalAll(syscall.SIGTERM)
		}) {
			return
		}
		switch {
		case l.KillAfter > 0:
			time.AfterFunc(l.KillAfter, func() { c.kill(p, r) })
		case !sent:
			close(c.gaveUp)
		}
	})
	return c
}

// kill ends the command, and whatever it has started.
func (c *clock) kill(p *process, r *Relay) {
	for end := time.Now().Add(graceOfKill); ; time.Sleep(20 * time.Millisecond) {
		sent := true
		if !r.unlessOver(func() {
			c.killed = true
			sent = p.signalAll(syscall.SIGKILL)
		}) {
			return
		}
		if !sent || time.Now().After(end) {
			close(c.gaveUp)
			return
		}
	}
}

// outcome is what is handed on for a command that ran for too long.
func (c *clock) outcome(p *process, end Outcome) Outcome {
	over := Outcome{Status: ExitTimedOut, Overtime: true}
	if c.killed && end.By == syscall.SIGKILL {
		over.Status, over.By = end.Status, end.By
	}
	if over.Left = c.endRest(p); len(over.Left) > 0 && c.KillAfter > 0 {
		over.Status, over.By = ExitNotEnded, 0
	}
	return over
}

// endRest gives what the command has left behind the rest of its time, and then
// KILL: it may be what does not heed TERM, and it has the lock. Nothing tells of
// the end of all, so it is looked for. It returns what is left.
func (c *clock) endRest(p *process) []Survivor {
	left := awaitEnd(p, max(c.KillAfter-time.Since(c.exceeded), 0))
	if len(left) == 0 {
		return nil
	}
	if c.KillAfter == 0 {
		return awaitEnd(p, graceOfTerm)
	}
	for end := time.Now().Add(graceOfKill); slices.ContainsFunc(left, Survivor.mayBeKilled) && time.Now().Before(end); {
		p.signalAll(syscall.SIGKILL)
		left = awaitEnd(p, 100*time.Millisecond)
	}
	return left
}

// awaitEnd waits for the end of what the command has left behind, and returns
// what is there after that time.
func awaitEnd(p *process, most time.Duration) (left []Survivor) {
	end := time.Now().Add(most)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		left = p.left()
		rest := time.Until(end)
		if len(left) == 0 || rest <= 0 {
			return left
		}
		time.Sleep(min(pause, rest))
	}
}
