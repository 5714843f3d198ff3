package watch

import (
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// drain does nothing but look up names, so that the kernel's queue (16384
// events by default) stays short however slow the waiters are.
func (h *hub) drain(w *fsnotify.Watcher) {
	for {
		select {
		case ev, ok := <-w.Events:
			if !ok {
				return
			}
			h.dispatch(ev)
		case _, ok := <-w.Errors:
			if !ok {
				return
			}
			// An overflow has lost events, nobody knows whose, and other errors
			// are no better.
			h.nudgeAll()
		}
	}
}

func (h *hub) dispatch(ev fsnotify.Event) {
	if ev.Op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if w := h.byPath[ev.Name]; w != nil && ev.Op&(fsnotify.Remove|fsnotify.Rename) != 0 {
		h.forget(w) // the directory itself has gone
	}
	if w := h.byPath[filepath.Dir(ev.Name)]; w != nil {
		for s := range w.subs[fold(filepath.Base(ev.Name))] {
			s.send()
		}
	}
}

func (h *hub) nudgeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		s.send()
	}
}
