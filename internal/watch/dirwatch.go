package watch

import "github.com/fsync-lock/fsync/internal/fskind"

// A dirWatch is a watch on one directory. Two spellings of the directory share
// it, because the kernel has one watch per directory and reports it under the
// first spelling.
type dirWatch struct {
	id     identity
	path   string // as given to the watcher: absolute, no symbolic links
	kind   fskind.Kind
	places map[*place]struct{}
	aged   bool // a patrol has already found it idle
}

// maxIdle bounds the watches that are kept although nobody waits, for those
// who wait again and again on one directory.
const maxIdle = 32

// move takes a place from its watch to another; nil is none. The caller holds
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

// forget drops a watch that is dead or no longer where it was. The places that
// were on it are polled until the patrol, which comes at once, finds them
// another. It returns who is to be told. The caller holds mu.
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

// dropIdle takes away the watches that nobody uses: all of them, or those that
// the last patrol found idle already, and more if there are too many. It
// returns how many. The caller holds admin.
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
