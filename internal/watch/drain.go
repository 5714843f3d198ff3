package watch

import (
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// drain does nothing but look up names, so that the kernel's queue (16384
// events by default) stays short however slow the waiters are.
func (h *hub) drain(w *fsnotify.Watcher) {
	var due []*Subscription // used again and again
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
			// An overflow has lost events, nobody knows whose, and other errors
			// are no better.
			due = h.everybody(due[:0])
		}
		send(due)
		clear(due)
	}
}

// dispatch returns who is to look because of an event.
func (h *hub) dispatch(ev fsnotify.Event, due []*Subscription) []*Subscription {
	if ev.Op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) == 0 {
		return due
	}
	dir, name := filepath.Split(ev.Name)
	if dir == "//" { // fsnotify puts a separator behind that of the root
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
			due = append(due, h.forget(w)...) // the directory itself has gone
		}
	}
	return due
}

// concerns reports whether a change may be what is waited for. That an entry
// has gone is nothing to those who want to claim it: whenever one of them has
// done so, all the others would look in vain. It is something to those who
// wait for it to appear, because it may have been there for a moment only.
func (p *spot) concerns(op fsnotify.Op) bool {
	switch p.aim {
	case Claim:
		return op&fsnotify.Create != 0
	case Vanish:
		return op&(fsnotify.Remove|fsnotify.Rename) != 0
	}
	return true
}

// everybody returns all who wait for anything.
func (h *hub) everybody(due []*Subscription) []*Subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.places {
		due = p.nudgeAll(due)
	}
	return due
}
