package watch

import "github.com/fsync-lock/fsync/internal/fskind"

// A dirWatch is a watch on one directory. All paths of the directory share it,
// because the kernel has one watch per directory and reports it under the first
// path.
type dirWatch struct {
	id     identity
	path   string // as given to the watcher: absolute, no symbolic links
	kind   fskind.Kind
	places map[*place]struct{}
	aged   bool // a patrol has already found it idle
}

// maxIdle bounds the idle watches. They are kept because many programs wait for
// the same directory again and again.
const maxIdle = 32

// move moves a place from its watch to another; nil means none. The caller holds
// mu.
func (h *hub) move(p *place, to *dirWatch) {
	from := p.on
	if from == to {
		return
	}
	if from != nil {
		delete(from.places, p)
		if len(from.places) == 0 && h.byID[from.id] == from {
			h.idle++
		}
	}
	if p.on = to; to != nil {
		if len(to.places) == 0 {
			to.aged = false
			h.idle--
		}
		to.places[p] = struct{}{}
	}
}

// forget drops a watch that is dead or whose directory is elsewhere now. Its places
// are polled until the patrol, which comes at once, finds them another watch. It
// appends the subscriptions to nudge. The caller holds mu.
func (h *hub) forget(w *dirWatch) (due []*Subscription) {
	delete(h.byID, w.id)
	delete(h.byPath, withSeparator(w.path))
	if len(w.places) == 0 {
		h.idle--
	}
	for p := range w.places {
		due = p.nudgeAll(due)
		h.move(p, nil)
		h.setPolling(p, lostWatch)
	}
	h.patrolNow()
	return due
}

// dropIdle removes watches that no place uses: all of them, or those that were
// idle at the last patrol, and more if there are too many. It returns how many it
// removed. The caller holds admin.
func (h *hub) dropIdle(all bool) int {
	h.mu.Lock()
	var drop []*dirWatch
	for _, w := range h.byID {
		if len(w.places) > 0 {
			continue
		}
		if all || w.aged || h.idle > maxIdle {
			drop = append(drop, w)
			delete(h.byID, w.id)
			delete(h.byPath, withSeparator(w.path))
			h.idle--
		}
		w.aged = true
	}
	h.mu.Unlock()
	for _, w := range drop {
		h.watcher.Remove(w.path)
	}
	return len(drop)
}
