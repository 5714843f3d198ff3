package watch

// A dirWatch is a watch on one directory. Two spellings of the directory share
// it, because the kernel has one watch per directory and reports it under the
// first spelling.
type dirWatch struct {
	id   identity
	path string // as given to the watcher: absolute, no symbolic links
	subs map[string]map[*Subscription]struct{}
	n    int  // subscriptions in subs
	aged bool // a patrol has already found it idle
}

// join and leave keep the books of who is on which watch. The caller holds mu.
func (h *hub) join(s *Subscription, w *dirWatch) {
	if w.n == 0 {
		w.aged = false
		h.idle--
	}
	if w.subs[s.name] == nil {
		w.subs[s.name] = make(map[*Subscription]struct{})
	}
	w.subs[s.name][s] = struct{}{}
	w.n++
	s.on = w
}

func (h *hub) leave(s *Subscription) {
	w := s.on
	if w == nil {
		return
	}
	s.on = nil
	delete(w.subs[s.name], s)
	if len(w.subs[s.name]) == 0 {
		delete(w.subs, s.name)
	}
	if w.n--; w.n == 0 && h.byID[w.id] == w {
		h.idle++
	}
}

// forget drops a watch that is dead or no longer where it was. Those who were
// on it are polled until the next patrol finds them another. The caller holds
// mu.
func (h *hub) forget(w *dirWatch) {
	delete(h.byID, w.id)
	delete(h.byPath, w.path)
	if w.n == 0 {
		h.idle--
	}
	for _, subs := range w.subs {
		for s := range subs {
			h.leave(s)
			s.startPolling()
			s.send()
		}
	}
	h.patrolNow()
}
