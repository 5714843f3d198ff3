package watch

import (
	"runtime"
	"time"
)

// The patrol finds changes that no watcher reports. There is no report if a
// directory is removed while a process has it open or as its working directory,
// if its parent is renamed, or if another file system is mounted over it. File
// systems that are not local, and some that look local, report nothing. Once per
// period the patrol compares each place with the directory that is watched for
// it, replaces a wrong watch, tries to get a missing one, and examines the place.

// linger is after how many patrols without any waiter the watcher is closed. It is
// kept so long because closing it takes milliseconds.
const linger = 60

// startPatrol makes sure that the patrol runs. The caller holds mu.
func (h *hub) startPatrol() {
	if !h.patrolling {
		h.patrolling = true
		go h.patrol()
	}
}

// patrolNow asks for a patrol at once. The caller may hold mu.
func (h *hub) patrolNow() {
	select {
	case h.kick <- struct{}{}:
	default:
	}
}

// patrol runs while there are subscriptions or a watcher.
func (h *hub) patrol() {
	tick := time.NewTicker(h.every)
	defer tick.Stop()
	for unused := 0; ; {
		ticked := false
		select {
		case <-tick.C:
			ticked = true
		case <-h.kick:
		}
		h.forgetDead()
		h.inspect(h.list())
		h.admin.Lock()
		h.dropIdle(false)
		h.admin.Unlock()
		if h.inUse() {
			unused = 0
		} else if ticked {
			unused++
		}
		if unused > 0 && h.rest(unused) {
			return
		}
	}
}

// forgetDead forgets watches that the watcher has dropped without a report, as
// fsnotify v1.10.1 does on Linux when a file system is unmounted. Comparing
// identities does not find them if the same file system is mounted again.
func (h *hub) forgetDead() {
	if runtime.GOOS != "linux" {
		return
	}
	h.admin.Lock()
	defer h.admin.Unlock()
	if h.watcher == nil {
		return
	}
	alive := make(map[string]bool)
	for _, path := range h.watcher.WatchList() {
		alive[path] = true
	}
	h.mu.Lock()
	var due []*Subscription
	for _, w := range h.byID {
		if !alive[w.path] {
			due = append(due, h.forget(w)...)
		}
	}
	h.mu.Unlock()
	send(due)
}

// inspect inspects each place in its own goroutine, so that a file system that
// does not answer delays no other place.
func (h *hub) inspect(places []*place) {
	for _, p := range places {
		go func() {
			defer h.release(p)
			if !h.asWatched(p) {
				h.settle(p)
			}
			h.examineAtLeisure(p)
		}()
	}
}

// examineAtLeisure examines a place, but takes at most a tenth of the time: the
// directory may be large, and most changes are reported anyway.
func (h *hub) examineAtLeisure(p *place) {
	start := time.Now()
	h.mu.Lock()
	due := !start.Before(p.leisure)
	h.mu.Unlock()
	if !due {
		return
	}
	h.examine(p)
	h.mu.Lock()
	defer h.mu.Unlock()
	p.leisure = time.Now().Add(pollShare * time.Since(start))
}

// list returns the places to inspect, except those that are still being examined.
func (h *hub) list() []*place {
	h.mu.Lock()
	defer h.mu.Unlock()
	places := make([]*place, 0, len(h.places))
	for _, p := range h.places {
		if !p.busy {
			p.busy = true
			places = append(places, p)
		}
	}
	return places
}

func (h *hub) release(p *place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.busy = false
}

// asWatched reports whether the place's watch is on the directory that is now at
// its path.
func (h *hub) asWatched(p *place) bool {
	id, err := identify(p.path())
	h.mu.Lock()
	defer h.mu.Unlock()
	return err == nil && p.on != nil && p.on.id == id
}

func (h *hub) inUse() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.places)+len(h.byID) > 0
}

// rest ends the patrol if there is no watcher, or if the watcher has not been used
// for long; then rest closes it. It reports whether the patrol ends.
func (h *hub) rest(unused int) bool {
	h.admin.Lock()
	defer h.admin.Unlock()
	h.mu.Lock()
	if len(h.places)+len(h.byID) > 0 || h.watcher != nil && unused < linger {
		h.mu.Unlock()
		return false
	}
	w := h.watcher
	h.watcher, h.patrolling = nil, false
	h.mu.Unlock()
	if w != nil {
		w.Close() // before admin is unlocked, so that the next watcher finds a free instance
	}
	return true
}
