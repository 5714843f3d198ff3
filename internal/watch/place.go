package watch

import (
	"log/slog"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// A place is the path of a directory as subscribers give it. The directory at that
// path may be missing or change.
type place struct {
	dir string  // with its last separator
	in  cwd.Dir // the directory that dir begins in

	// The hub's mu guards the fields below.
	spots   map[string]*spot // by folded name
	entries int              // how many spots; several may have one folded name
	n       int              // how many subscriptions
	settled bool
	id      identity // of the directory when it was settled; zero if there was none
	on      *dirWatch
	why     string // why it is polled; empty if it is not
	poll    *time.Timer
	pause   time.Duration
	board   []byte    // as it was at the last examination that read it
	busy    bool      // an examination is going on
	leisure time.Time // the patrol does not examine it before this time
}

// path returns a path that leads to the directory now, after changes of the working
// directory, or an empty string if there is none.
func (p *place) path() string {
	path, err := p.in.Path(p.dir)
	if err != nil {
		return ""
	}
	return withSeparator(path)
}

// join and leave add and remove a subscription. The caller holds mu.
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
	spt.nudges.Add(1) // earlier looks do not count for this subscription
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

// nudgeAll appends all subscriptions of the place. The caller holds mu.
func (p *place) nudgeAll(due []*Subscription) []*Subscription {
	for _, spt := range p.spots {
		for ; spt != nil; spt = spt.also {
			due = spt.nudge(due)
		}
	}
	return due
}

// lostWatch is the reason why a place is polled until the patrol finds a new watch.
const lostWatch = "its watch was lost"

// news returns a function that logs the change when the place moves to the watch,
// or is polled for the reason why.
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
