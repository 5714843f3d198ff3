package watch

import (
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A hub shares one fsnotify watcher among any number of subscriptions.
//
// The drain goroutine must never wait for a call of the watcher's Add or
// Remove, because those can wait for it: on Windows they are carried out by
// the goroutine that sends the events. Hence two locks. admin is held across
// calls of the watcher; the drain goroutine takes only mu, which is held for
// map operations alone. Who needs both takes admin first.
type hub struct {
	open  func() (*fsnotify.Watcher, error)
	every time.Duration // between two patrols

	admin   sync.Mutex
	watcher *fsnotify.Watcher // nil until one is needed and to be had

	mu         sync.Mutex
	subs       map[*Subscription]struct{}
	byID       map[identity]*dirWatch
	byPath     map[string]*dirWatch // the same, by the path given to the watcher
	idle       int                  // how many of them have no subscription
	patrolling bool
	kick       chan struct{} // asks for a patrol at once
}

// maxIdle bounds the watches that are kept although nobody waits, for those
// who wait again and again on one directory.
const maxIdle = 32

func openWatcher() (*fsnotify.Watcher, error) { return fsnotify.NewWatcher() }

func newHub(open func() (*fsnotify.Watcher, error), every time.Duration) *hub {
	return &hub{
		open: open, every: every,
		subs:   make(map[*Subscription]struct{}),
		byID:   make(map[identity]*dirWatch),
		byPath: make(map[string]*dirWatch),
		kick:   make(chan struct{}, 1),
	}
}

func (h *hub) subscribe(path string, nudge chan<- struct{}) (*Subscription, error) {
	dir, name, err := split(path)
	if err != nil {
		return nil, err
	}
	id, err := identify(dir)
	if err != nil {
		return nil, err
	}
	s := &Subscription{hub: h, dir: dir, name: fold(name), nudge: nudge}

	h.mu.Lock()
	h.subs[s] = struct{}{}
	h.startPatrol()
	w := h.byID[id]
	if w != nil {
		h.join(s, w)
	}
	h.mu.Unlock()
	if w == nil {
		h.admin.Lock()
		h.attach(s, id, h.watchFor(dir, id))
		h.admin.Unlock()
	}
	return s, nil
}

func (h *hub) unsubscribe(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	delete(h.subs, s)
	h.leave(s)
	s.stopPolling()
	if h.idle > maxIdle {
		h.patrolNow()
	}
}

// attach puts a subscription on a watch, or on the timer if w is nil or has
// died since it was made. The caller holds admin.
func (h *hub) attach(s *Subscription, id identity, w *dirWatch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return
	}
	h.leave(s)
	if w != nil && h.byID[id] == w {
		s.stopPolling()
		h.join(s, w)
		return
	}
	s.startPolling()
}

// watchFor returns a watch on the directory, nil if none is to be had. The
// caller holds admin.
//
// The identity was looked up before the watch is made. If the directory is
// replaced in between, the patrol finds the path and the recorded identity to
// differ and makes a new watch; looked up afterwards, it would agree with a
// watch on the directory that is gone, for ever.
func (h *hub) watchFor(dir string, id identity) *dirWatch {
	path := resolve(dir)
	h.mu.Lock()
	if w := h.byID[id]; w != nil {
		h.mu.Unlock()
		return w
	}
	if w := h.byPath[path]; w != nil { // another directory stood here
		h.forget(w)
	}
	h.mu.Unlock()
	if !h.add(path) {
		return nil
	}
	w := &dirWatch{id: id, path: path, subs: make(map[string]map[*Subscription]struct{})}
	h.mu.Lock()
	h.byID[id], h.byPath[path] = w, w
	h.idle++ // until somebody joins
	h.mu.Unlock()
	return w
}

// add makes a watch on the path and reports whether it could. Why not does not
// matter: out of instances, of watches or of descriptors, not allowed to read
// the directory, a system without watchers. Waiting by timer works with all of
// them, and what is really wrong shows when the waiter looks.
func (h *hub) add(path string) bool {
	if h.watcher == nil {
		w, err := h.open()
		if err != nil {
			return false
		}
		h.watcher = w
		go h.drain(w)
	}
	// fsnotify v1.10.1 loses its place if a path that it knows is added again
	// for another directory, and it may know the path still although the
	// directory has gone.
	h.watcher.Remove(path)
	err := h.watcher.Add(path)
	if err != nil && h.dropIdle(true) > 0 { // perhaps there were too many
		err = h.watcher.Add(path)
	}
	return err == nil
}

// resolve returns the path that a directory is watched under.
func resolve(dir string) string {
	if path, err := filepath.EvalSymlinks(dir); err == nil {
		return path
	}
	return filepath.Clean(dir)
}
