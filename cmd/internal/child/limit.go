package child

import (
	"slices"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
)

// A Limit is the time that a command may run. Then it gets TERM and, if it does
// not end, KILL, as with timeout(1). On Linux with /proc the signals go to every
// process that the command has started, elsewhere to its process group.
//
// The command gets its own process group, so that no other process is hit. There
// is one exception: if this process is a whole job in the foreground of a
// terminal, the command stays in the group of the job, because a new group would
// be in the background and could not read from the terminal.
type Limit struct {
	Time      time.Duration // 0 = no limit
	KillAfter time.Duration // 0 = no KILL
}

// A Survivor is the command, or a descendant of it, that did not end.
type Survivor struct {
	PID  int
	Name string // empty if it is not known
}

// A limiter ends a command at its limit.
type limiter struct {
	Limit
	gaveUp chan struct{} // closed when the command cannot be ended

	// Guarded by the relay's mutex until the command has ended.
	termSent time.Time // zero = TERM was not sent
	killSent bool
}

const (
	// graceOfTerm is how long the descendants may take to end after the command, if
	// there is no KILL.
	graceOfTerm = time.Second
	// graceOfKill is how long the kernel may take to end killed processes. A
	// process that hangs in a file system may never end.
	graceOfKill = 5 * time.Second
)

// start limits the time of a command that has just started.
func (limit Limit) start(p *process, r *Relay) *limiter {
	l := &limiter{Limit: limit, gaveUp: make(chan struct{})}
	time.AfterFunc(l.Time, func() {
		sent := true
		if !r.unlessOver(func() {
			l.termSent, r.rest = time.Now(), p
			sent = p.signalAll(syscall.SIGTERM)
		}) {
			return
		}
		switch {
		case l.KillAfter > 0:
			time.AfterFunc(l.KillAfter, func() { l.kill(p, r) })
		case !sent:
			close(l.gaveUp)
		}
	})
	return l
}

// kill sends KILL to the command and its descendants until the command has ended or
// graceOfKill is over.
func (l *limiter) kill(p *process, r *Relay) {
	for end := time.Now().Add(graceOfKill); ; time.Sleep(20 * time.Millisecond) {
		sent := true
		if !r.unlessOver(func() {
			l.killSent = true
			sent = p.signalAll(syscall.SIGKILL)
		}) {
			return
		}
		if !sent || time.Now().After(end) {
			close(l.gaveUp)
			return
		}
	}
}

// outcome returns the outcome of a command that ran longer than its limit.
func (l *limiter) outcome(p *process, end Outcome) Outcome {
	over := Outcome{Status: cli.ExitTimedOut, Overtime: true}
	if l.killSent && end.By == syscall.SIGKILL {
		over.Status, over.By = end.Status, end.By
	}
	if over.Left = l.endRest(p); len(over.Left) > 0 && l.KillAfter > 0 {
		over.Status, over.By = cli.ExitNotEnded, 0
	}
	return over
}

// endRest waits, for the rest of KillAfter, for the descendants of the command, and
// then sends KILL: they hold the lock, too. No event tells when all of them have ended,
// so it polls. It returns the processes that are left.
func (l *limiter) endRest(p *process) []Survivor {
	left := awaitEnd(p, max(l.KillAfter-time.Since(l.termSent), 0))
	if len(left) == 0 {
		return nil
	}
	if l.KillAfter == 0 {
		return awaitEnd(p, graceOfTerm)
	}
	for end := time.Now().Add(graceOfKill); slices.ContainsFunc(left, Survivor.mayBeKilled) && time.Now().Before(end); {
		p.signalAll(syscall.SIGKILL)
		left = awaitEnd(p, 100*time.Millisecond)
	}
	return left
}

// awaitEnd waits until the command and its descendants have ended, and returns those
// that still run after the time most.
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
