package watch

import (
	"sync"
	"sync/atomic"
)

// An entry is a directory entry that subscriptions with the same path and interest wait
// for.
type entry struct {
	dir      *dir
	name     string
	interest Interest
	first    *Subscription // guarded by the hub's mu

	n       atomic.Int32  // how many subscriptions
	changes atomic.Uint64 // how many notifications and new subscriptions there were
	looking sync.Mutex    // held during a look
	last    atomic.Pointer[look]
}

// A look is the result of one look at the entry, for all its subscriptions.
type look struct {
	changes uint64 // the count before the look
	result  any
}

// maxLooks is the largest number of looks that run at the same time in one directory. On
// a slow file system each look occupies a thread, and the Go runtime ends a program that
// needs more than 10,000.
const maxLooks = 256

// A Subscription asks for notifications about one directory entry until it is closed.
type Subscription struct {
	hub   *hub
	queue *Queue
	tag   int
	entry *entry

	queued bool // guarded by the queue's mu

	// The hub's mu guards the fields below.
	next, prev *Subscription // of the entry
	closed     bool
}

// Close ends the notifications. One last notification may come after it. A second
// Close does nothing.
func (s *Subscription) Close() { s.hub.unsubscribe(s) }

// Look shares one look among the subscriptions with the same path and interest: if one
// of them has looked since the last notification, Look returns its result; otherwise
// it calls observe, which returns the result for this subscription and the one for all
// others.
//
// The result is not older than the subscription, nor than any notification that was
// sent before the call. So it is safe to share: if a change came after the look, its
// notification is still to come.
func (s *Subscription) Look(observe func() (mine, others any)) any {
	e := s.entry
	now := e.changes.Load()
	if last := e.last.Load(); last != nil && last.changes >= now {
		return last.result
	}
	e.looking.Lock()
	defer e.looking.Unlock()
	if last := e.last.Load(); last != nil && last.changes >= now {
		return last.result
	}
	e.dir.looks <- struct{}{}
	defer func() { <-e.dir.looks }()
	before := e.changes.Load()
	mine, others := observe()
	if e.n.Load() > 1 { // otherwise no subscription shares the result
		e.last.Store(&look{before, others})
	}
	return mine
}

// notify makes earlier looks invalid and appends the subscriptions to due. The caller
// holds the hub's mu.
func (e *entry) notify(due []*Subscription) []*Subscription {
	e.changes.Add(1)
	for s := e.first; s != nil; s = s.next {
		due = append(due, s)
	}
	return due
}

// send sends the notifications. The caller does not hold the hub's mu: the goroutines
// that send wakes would have to wait for it.
func send(due []*Subscription) {
	for _, s := range due {
		s.queue.put(s)
	}
}
