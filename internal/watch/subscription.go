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

// Close ends the nudges. One last nudge may come later. Closing twice does
// nothing.
func (s *Subscription) Close() { s.hub.unsubscribe(s) }

// A spot is an entry that subscribers of one path and one aim wait for.
type spot struct {
	place *place
	name  string
	aim   Aim
	first *Subscription
	also  *spot // one whose name is the same when folded

	n       atomic.Int32  // subscriptions
	nudges  atomic.Uint64 // how many there were, and how many have subscribed
	looking sync.Mutex
	seen    atomic.Pointer[sight]
}

// A sight is what one subscriber saw for all of its spot.
type sight struct {
	nudges uint64 // before it looked
	what   any
}

// Look returns what somebody of the same path and aim has seen after the last
// nudge of this subscription, or calls look to see for itself. However many
// are nudged at once, one of them looks. What look returns is its own answer
// and the one for all others.
//
// It is no older than the subscription itself, and no older than any nudge
// that was sent before the call. That is all that makes it safe to share: a
// change that is not in it has a nudge of its own on the way.
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
	if p.n.Load() > 1 { // thousands of events have one waiter each, and no use for it
		p.seen.Store(&sight{before, others})
	}
	return mine
}

// nudge makes earlier sights invalid and adds the subscriptions to those that
// are due to be sent to. The caller holds the hub's mu.
func (p *spot) nudge(due []*Subscription) []*Subscription {
	p.nudges.Add(1)
	for s := p.first; s != nil; s = s.next {
		due = append(due, s)
	}
	return due
}

// send is called without the hub's mu, because those who are woken take it.
func send(due []*Subscription) {
	for _, s := range due {
		s.inbox.put(s)
	}
}
