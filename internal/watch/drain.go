package watch

import (
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// drain reads the reports of the watcher. It only looks up names, so that the
// kernel's queue (16384 events by default) stays short even if waiters are slow.
func (h *hub) drain(w *fsnotify.Watcher) {
	var due []*Subscription // reused
	for {
		select {
		case ev, ok := <-w.Events:
			if !ok {
				return
			}
			due = h.dispatch(ev, due[:0])
		case _, ok := <-w.Errors:
			if !ok {
				return
			}
			// After an overflow, or another error, the reports of any entry may be
			// lost.
			due = h.everybody(due[:0])
		}
		send(due)
		clear(due)
	}
}

// dispatch appends the subscriptions to nudge because of an event.
func (h *hub) dispatch(ev fsnotify.Event, due []*Subscription) []*Subscription {
	if ev.Op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) == 0 {
		return due
	}
	dir, name := filepath.Split(ev.Name)
	if dir == "//" { // fsnotify adds a separator to that of the root
		dir = "/"
	}
	key := fold(name)
	h.mu.Lock()
	defer h.mu.Unlock()
	if w := h.byPath[dir]; w != nil {
		for p := range w.places {
			for spt := p.spots[key]; spt != nil; spt = spt.also {
				if spt.concerns(ev.Op) {
					due = spt.nudge(due)
				}
			}
			if isNudge(ev.Op, name) {
				due = p.nudgeAll(due)
			}
		}
	}
	if ev.Op&(fsnotify.Remove|fsnotify.Rename) != 0 {
		if w := h.byPath[withSeparator(ev.Name)]; w != nil {
			due = append(due, h.forget(w)...) // the directory itself is gone
		}
	}
	return due
}

// concerns reports whether waiters with this aim must look after a change. The
// removal of an entry does not concern waiters that want to claim it: each time
// one claims it, all the others would look in vain. It does concern waiters for
// its appearance, because it may have existed only for a moment.
func (p *spot) concerns(op fsnotify.Op) bool {
	switch p.aim {
	case Claim:
		return op&fsnotify.Create != 0
	case Vanish:
		return op&(fsnotify.Remove|fsnotify.Rename) != 0
	}
	return true
}

// everybody appends all subscriptions.
func (h *hub) everybody(due []*Subscription) []*Subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.places {
		due = p.nudgeAll(due)
	}
	return due
}
