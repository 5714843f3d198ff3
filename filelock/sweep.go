package filelock

import (
	"os"
	"sync"
	"time"
)

// gatesLeft has the gates that waiters of this process have left, until they are
// removed if no process uses them. If this process ends before, a later waiter
// removes them.
//
// A gate is removed when its waiter gives up the wait, when its waiter releases the
// lock, or, during a long hold, after sweepEvery: the timer is not started for
// each grant, because to start a timer takes half as long as a hand-over.
var gatesLeft = sweeper{left: map[string]leftGate{}}

const (
	// sweepAfter is the shortest time between the leaving of a gate and its removal.
	// If there is a next waiter, it holds the gate by then. If a process begins to
	// wait for the gate just before its removal, it notices that, and makes a new
	// gate.
	sweepAfter = 500 * time.Microsecond
	sweepEvery = 10 * time.Millisecond
)

type sweeper struct {
	mu    sync.Mutex
	left  map[string]leftGate // by the key of the gate
	timer *time.Timer
	due   time.Time // when the timer fires; zero = it is stopped
}

type leftGate struct {
	*gate
	since time.Time
}

// add has the gate removed, at the latest after some time.
func (s *sweeper) add(g *gate, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.left[g.key()] = leftGate{g, now}
	s.arm(now.Add(after))
}

func (s *sweeper) arm(at time.Time) {
	switch {
	case !s.due.IsZero() && !at.Before(s.due):
		return
	case s.timer == nil:
		s.timer = time.AfterFunc(time.Until(at), s.sweepDue)
	default:
		s.timer.Reset(time.Until(at))
	}
	s.due = at
}

// sweepDue removes the gates that were left long enough ago.
func (s *sweeper) sweepDue() {
	for _, g := range s.takeDue() {
		g.sweep()
	}
}

func (s *sweeper) takeDue() (due []*gate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.due = time.Time{}
	for key, l := range s.left {
		if now.Sub(l.since) >= sweepAfter {
			due = append(due, l.gate)
			delete(s.left, key)
		}
	}
	if len(s.left) > 0 {
		s.arm(now.Add(sweepEvery))
	}
	return due
}

// sweep removes the gate if it was left long enough ago.
func (s *sweeper) sweep(g *gate) {
	if g != nil && s.take(g) {
		g.sweep()
	}
}

func (s *sweeper) take(g *gate) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.left) == 0 {
		return false
	}
	l, ok := s.left[g.key()]
	due := ok && time.Since(l.since) >= sweepAfter
	if due {
		delete(s.left, g.key())
	}
	return due
}

// sweep removes the gate if no process holds it. It distrusts a file that is not a
// gate, or that it may not remove; otherwise that would look like a gate for ever.
func (g *gate) sweep() {
	t := g.target
	t.absent = true
	h, err := t.try()
	if err != nil {
		return
	}
	defer h.release()
	if t, err = t.now(); err != nil {
		return
	}
	if !h.isGate() || os.Remove(t.path) != nil {
		distrusted.Store(g.key(), distrust{h.file, true})
	}
}
