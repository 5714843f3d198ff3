package watch

import (
	"runtime"
	"time"
)

// The patrol is for what no watcher reports. A directory that is removed while
// any process has it open or as its working directory stays in silence; so
// does one whose parent is renamed, or that is mounted over; file systems that
// are not local, and some that look local, report nothing. Once per period it
// compares each place with the directory that is watched for it, mends what
// differs, tries again to get a watch for those without, and examines it.

// linger is for how many patrols in a row nobody has to wait for anything
// until the watcher is closed, which takes milliseconds, and is made anew for
// those who come later.
const linger = 60

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

// forgetDead finds the watches that the watcher has let go without a word, as
// fsnotify v1.10.1 does on Linux when a file system is unmounted: what is
// mounted there later may be the same one.
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

// inspect starts to inspect the places, each in its own goroutine: one whose
// file system does not answer holds up no other.
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

// examineAtLeisure examines, but not so often that it takes more than a tenth
// of the time: a directory may be large, and what is watched is told anyway.
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

// list returns the places that are to be inspected, but for those that
// somebody is still busy with.
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

// asWatched reports whether the directory that stands at the place is watched
// for it.
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

// rest ends the patrol if there is no watcher, or when it has not been used
// for long and is closed. It reports whether it did.
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
		w.Close() // before admin is unlocked: the next one shall find an instance free
	}
	return true
}
