package child

import (
	"syscall"
	"time"
)

// A Limit is the end of the time that a command may run: TERM and then, if it
// does not heed it, KILL, as timeout(1) has it. They go to the whole process
// group of the command.
//
// The command gets a group of its own for that, so that nobody else is hit.
// As a job of its own in the foreground of a terminal it does not: it would be
// in the background there, and could not read what is typed. There the shell
// has made a group of the job, and that is ended.
type Limit struct {
	Time      time.Duration // 0 = no limit
	KillAfter time.Duration // 0 = no KILL
	Say       func()        // says that TERM was sent; nil = say nothing
}

// A clock is the limit of a command that runs.
type clock struct {
	Limit
	said chan struct{} // closed when it has been said, or nothing is to be said

	// Guarded by the relay's mutex until the command has ended.
	exceeded time.Time // when TERM was sent; zero = it was not
	killed   bool
}

// on sets the clock for a command that has just been started.
func (l Limit) on(p *process, r *Relay) *clock {
	c := &clock{Limit: l, said: make(chan struct{})}
	if l.Time == 0 {
		return c
	}
	time.AfterFunc(l.Time, func() {
		sent := r.unlessOver(func() {
			c.exceeded = time.Now()
			p.signalAll(syscall.SIGTERM)
		})
		if sent && l.Say != nil { // nothing waits for whoever does not read it
			go func() {
				defer close(c.said)
				l.Say()
			}()
		} else {
			close(c.said)
		}
		if sent && l.KillAfter > 0 {
			time.AfterFunc(l.KillAfter, func() {
				r.unlessOver(func() {
					c.killed = true
					p.signalAll(syscall.SIGKILL)
				})
			})
		}
	})
	return c
}

// outcome is what is handed on for a command that ran for too long.
func (c *clock) outcome(p *process, end Outcome) Outcome {
	select {
	case <-c.said:
	case <-time.After(100 * time.Millisecond):
	}
	if c.killed && end.By == syscall.SIGKILL {
		return Outcome{Status: end.Status, By: end.By, Overtime: true}
	}
	if c.KillAfter > 0 && !c.killed {
		c.killRest(p)
	}
	return Outcome{Status: ExitTimedOut, Overtime: true}
}

// killRest gives what is left of the command's group the rest of its time, and
// then KILL: it may be what does not heed TERM, and it has the lock. Nothing
// tells of the end of a group, so it is looked for.
func (c *clock) killRest(p *process) {
	for pause := time.Millisecond; p.groupLives(); pause = min(2*pause, 50*time.Millisecond) {
		left := c.KillAfter - time.Since(c.exceeded)
		if left <= 0 {
			p.signalAll(syscall.SIGKILL)
			return
		}
		time.Sleep(min(pause, left))
	}
}
