package watch

import (
	"log/slog"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// A place is a directory by the path that subscribers call it, whatever stands
// at that path and whether anything does.
type place struct {
	dir string  // with its last separator
	in  cwd.Dir // that dir begins in

	// The hub's mu guards the fields below.
	spots   map[string]*spot // by folded name
	entries int              // spots, with those of one folded name
	n       int              // subscriptions
	settled bool
	id      identity // of what stood there when it was settled; zero if nothing
	on      *dirWatch
	why     string // it is polled; empty if it is not
	poll    *time.Timer
	pause   time.Duration
	board   []byte    // as it was at the last examination that read it
	busy    bool      // an examination is going on
	leisure time.Time // the patrol does not examine it before
}

// path returns how the directory is reached now: the process may have changed
// its own. It is empty if it cannot be reached.
func (p *place) path() string {
	path, err := p.in.Path(p.dir)
	if err != nil {
		return ""
	}
	return withSeparator(path)
}

// join and leave keep the books of who waits for what. The caller holds mu.
func (p *place) join(s *Subscription, name string, aim Aim) {
	key := fold(name)
	spt := p.spots[key]
	for spt != nil && (spt.name != name || spt.aim != aim) {
		spt = spt.also
	}
	if spt == nil {
		spt = &spot{place: p, name: name, aim: aim, also: p.spots[key]}
		p.spots[key] = spt
		p.entries++
	}
	spt.n.Add(1)
	spt.nudges.Add(1) // what was seen before does not count for this one
	s.spot = spt
	if s.next = spt.first; s.next != nil {
		s.next.prev = s
	}
	spt.first = s
	p.n++
}

func (p *place) leave(s *Subscription) {
	p.n--
	s.spot.n.Add(-1)
	if s.next != nil {
		s.next.prev = s.prev
	}
	if s.prev != nil {
		s.prev.next = s.next
		return
	}
	spt := s.spot
	if spt.first = s.next; spt.first != nil {
		return
	}
	p.entries--
	key := fold(spt.name)
	if p.spots[key] != spt {
		before := p.spots[key]
		for before.also != spt {
			before = before.also
		}
		before.also = spt.also
	} else if spt.also != nil {
		p.spots[key] = spt.also
	} else {
		delete(p.spots, key)
	}
}

// nudgeAll nudges everybody. The caller holds mu.
func (p *place) nudgeAll(due []*Subscription) []*Subscription {
	for _, spt := range p.spots {
		for ; spt != nil; spt = spt.also {
			due = spt.nudge(due)
		}
	}
	return due
}

// lostWatch is why a place is polled until the patrol finds it a new watch.
const lostWatch = "its watch was lost"

// news returns what is to be told when the place is moved to the watch, or
// polled for the reason.
func (p *place) news(w *dirWatch, why string) func() {
	lost := p.why == lostWatch || p.on != nil && p.on != w
	switch {
	case why != "" && why != p.why:
		return debug("fileevent: polling a directory", "dir", p.dir, "reason", why, "watched", w != nil)
	case lost:
		return debug("fileevent: a watch was lost and made anew", "dir", p.dir)
	case why == "" && p.why != "":
		return debug("fileevent: polling a directory no more", "dir", p.dir)
	}
	return func() {}
}

func debug(message string, args ...any) func() {
	return func() { slog.Debug(message, args...) }
}
