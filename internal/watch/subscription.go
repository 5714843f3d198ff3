package watch

import (
	"sync"
	"sync/atomic"
)

// A Subscription asks for nudges about one directory entry until it is closed.
type Subscription struct {
	hub   *hub
	inbox *Inbox
	tag   int
	spot  *spot

	queued bool // it is in the inbox; guarded by the inbox's mu

	// The hub's mu guards the fields below.
	next, prev *Subscription // of the spot
	closed     bool
}

// Close ends the nudges. One last nudge may come after it. A second Close does
// nothing.
func (s *Subscription) Close() { s.hub.unsubscribe(s) }

// A spot is a directory entry that subscriptions of the same path and aim wait for.
type spot struct {
	place *place
	name  string
	aim   Aim
	first *Subscription
	also  *spot // another one with the same folded name

	n       atomic.Int32  // how many subscriptions
	nudges  atomic.Uint64 // how many nudges and new subscriptions there were
	looking sync.Mutex
	seen    atomic.Pointer[sight]
}

// A sight is the result of one look, for all subscriptions of the spot.
type sight struct {
	nudges uint64 // the count before the look
	what   any
}

// Look shares one look among the subscriptions of the same path and aim: if one of
// them has looked since the last nudge, Look returns its result; otherwise it calls
// look. look returns the result for this subscription and the one for all others.
//
// The result is not older than the subscription, nor than any nudge that was sent
// before the call. That makes it safe to share: if a change came after the look,
// its nudge is still to come.
func (s *Subscription) Look(look func() (mine, others any)) any {
	p := s.spot
	now := p.nudges.Load()
	if seen := p.seen.Load(); seen != nil && seen.nudges >= now {
		return seen.what
	}
	p.looking.Lock()
	defer p.looking.Unlock()
	if seen := p.seen.Load(); seen != nil && seen.nudges >= now {
		return seen.what
	}
	before := p.nudges.Load()
	mine, others := look()
	if p.n.Load() > 1 { // with one subscription nothing is shared
		p.seen.Store(&sight{before, others})
	}
	return mine
}

// nudge makes earlier sights invalid and appends the subscriptions to due. The
// caller holds the hub's mu.
func (p *spot) nudge(due []*Subscription) []*Subscription {
	p.nudges.Add(1)
	for s := p.first; s != nil; s = s.next {
		due = append(due, s)
	}
	return due
}

// send sends the nudges. It is called without the hub's mu, because the waiters
// that it wakes take it.
func send(due []*Subscription) {
	for _, s := range due {
		s.inbox.put(s)
	}
}
