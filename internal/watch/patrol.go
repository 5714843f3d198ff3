package watch

import "time"

// The patrol is for what no watcher reports. A directory that is removed while
// any process has it open or as its working directory stays in silence; so
// does one whose parent is renamed; file systems that are not local, and some
// that look local, report nothing. Once per period it compares each
// subscriber's path with the directory that is watched for it, mends what
// differs, tries again to get a watch for those without, and makes everybody
// look.

// startPatrol makes sure that the patrol runs. The caller holds mu.
func (h *hub) startPatrol() {
	if !h.patrolling {
		h.patrolling = true
		go h.patrol()
	}
}

// patrolNow asks for a patrol before its time. It may be called with mu held.
func (h *hub) patrolNow() {
	select {
	case h.kick <- struct{}{}:
	default:
	}
}

// patrol runs while there are subscriptions, or watches left to take away.
func (h *hub) patrol() {
	tick := time.NewTicker(h.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-h.kick:
		}
		h.inspect()
		h.dropIdle(false)
		if h.endPatrol() {
			return
		}
	}
}

func (h *hub) endPatrol() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.subs) == 0 && len(h.byID) == 0 {
		h.patrolling = false
		return true
	}
	return false
}

// inspect compares, mends, and nudges everybody.
func (h *hub) inspect() {
	h.admin.Lock()
	defer h.admin.Unlock()
	type finding struct {
		id identity
		w  *dirWatch
	}
	found := make(map[string]finding) // by directory: one look for all its subscribers
	for _, s := range h.subscriptions() {
		f, ok := found[s.dir]
		if !ok {
			refresh(s.dir)
			if id, err := identify(s.dir); err == nil {
				f = finding{id, h.watchFor(s.dir, id)}
			}
			found[s.dir] = f
		}
		if !h.isOn(s, f.w) {
			h.attach(s, f.id, f.w)
		}
	}
	h.nudgeAll()
}

func (h *hub) subscriptions() []*Subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	subs := make([]*Subscription, 0, len(h.subs))
	for s := range h.subs {
		subs = append(subs, s)
	}
	return subs
}

func (h *hub) isOn(s *Subscription, w *dirWatch) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return s.on == w
}

// dropIdle takes away the watches that nobody uses: all of them, or those that
// the last patrol found idle already, and more if there are too many. It
// returns how many. The caller holds admin if all is true.
func (h *hub) dropIdle(all bool) int {
	if !all {
		h.admin.Lock()
		defer h.admin.Unlock()
	}
	h.mu.Lock()
	var drop []*dirWatch
	for _, w := range h.byID {
		if w.n > 0 {
			continue
		}
		if all || w.aged || h.idle > maxIdle {
			drop = append(drop, w)
			delete(h.byID, w.id)
			delete(h.byPath, w.path)
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
