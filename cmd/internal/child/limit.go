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
// The command gets its own process group, so that no other process gets the signals.
// There is one exception: if this process leads a job in the foreground of a terminal,
// the command stays in the process group of the job. A new group would be in the
// background, and could not read from the terminal.
type Limit struct {
	Time      time.Duration // 0 = no limit
	KillAfter time.Duration // 0 = no KILL
}

// A Survivor is the command, or a descendant of it, that did not end.
type Survivor struct {
	PID  int
	Name string // empty if it is not known
}

const (
	// graceOfTerm is how long the descendants may take to end after the command, if
	// they get no KILL.
	graceOfTerm = time.Second
	// graceOfKill is how long the kernel may take to end killed processes. A
	// process that hangs in a file system may never end.
	graceOfKill = 5 * time.Second
)

// waitLimited waits for the command's end, and ends the command and its descendants at
// the limit.
func (r *Relay) waitLimited(p *process, limit Limit) Outcome {
	ended := make(chan Outcome, 1)
	go func() { ended <- p.wait(r) }()
	select {
	case end := <-ended:
		return end
	case <-time.After(limit.Time):
	}
	sent := false
	if !r.unlessOver(func() { sent, r.rest = p.signalAll(syscall.SIGTERM), p }) {
		return <-ended // just in time
	}
	defer r.forgetRest()
	term, kill := time.Now(), (<-chan time.Time)(nil)
	switch {
	case limit.KillAfter > 0:
		kill = time.After(limit.KillAfter)
	case !sent:
		return r.giveUp(p)
	}
	select {
	case <-ended:
		return limit.outcome(p, Outcome{Status: cli.ExitTimedOut}, term)
	case <-kill:
	}
	sent = true
	for last := time.Now().Add(graceOfKill); sent && time.Now().Before(last); {
		r.unlessOver(func() { sent = p.signalAll(syscall.SIGKILL) })
		select {
		case end := <-ended:
			if end.By != syscall.SIGKILL {
				end = Outcome{Status: cli.ExitTimedOut}
			}
			return limit.outcome(p, end, term)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return r.giveUp(p)
}

// giveUp is for a command that cannot be ended.
func (r *Relay) giveUp(p *process) Outcome {
	r.Over()
	return Outcome{Status: cli.ExitNotEnded, Overtime: true, Left: p.left()}
}

// outcome returns the outcome of a command that has ended after its limit; term is when
// TERM was sent.
func (limit Limit) outcome(p *process, end Outcome, term time.Time) Outcome {
	end.Overtime = true
	if end.Left = limit.endRest(p, term); len(end.Left) > 0 && limit.KillAfter > 0 {
		end.Status, end.By = cli.ExitNotEnded, 0
	}
	return end
}

// endRest waits for the descendants of the command, which hold the lock, too. If there is
// a KillAfter, and it is over, endRest sends them KILL. No event tells when all of them
// have ended, so endRest polls. It returns the processes that are left.
func (limit Limit) endRest(p *process, term time.Time) []Survivor {
	left := awaitEnd(p, max(limit.KillAfter-time.Since(term), 0))
	if len(left) == 0 {
		return nil
	}
	if limit.KillAfter == 0 {
		return awaitEnd(p, graceOfTerm)
	}
	for last := time.Now().Add(graceOfKill); slices.ContainsFunc(left, Survivor.mayBeKilled) && time.Now().Before(last); {
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
