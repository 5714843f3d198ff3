package watch

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/fskind"
)

// A hub shares one fsnotify watcher among any number of subscriptions.
//
// The drain goroutine must never wait for the watcher's Add or Remove, because
// these can wait for it: on Windows the goroutine that sends the events carries
// them out. Hence two mutexes. admin is held during calls of the watcher. The
// drain goroutine takes only mu, which is held only for map operations. Take admin
// before mu.
type hub struct {
	open  func() (*fsnotify.Watcher, error)
	kind  func(dir string) fskind.Kind
	every time.Duration // between two patrols
	blind atomic.Bool   // tests only: examinations send no nudges

	admin   sync.Mutex
	watcher *fsnotify.Watcher // nil until one is needed and can be made

	mu         sync.Mutex
	places     map[string]*place // all places with subscriptions, by the keys of their paths
	byID       map[identity]*dirWatch
	byPath     map[string]*dirWatch // the same watches, by the path given to the watcher, with a separator at its end
	idle       int                  // how many watches have no place
	patrolling bool
	kick       chan struct{} // asks for a patrol at once
}

// Blind is for tests of other packages: from now on only reports of the watcher
// wake waiters in this process.
func Blind() { process.blind.Store(true) }

func openWatcher() (*fsnotify.Watcher, error) { return fsnotify.NewWatcher() }

func newHub(open func() (*fsnotify.Watcher, error), every time.Duration) *hub {
	return &hub{
		open: open, kind: fskind.Of, every: every,
		places: make(map[string]*place),
		byID:   make(map[identity]*dirWatch),
		byPath: make(map[string]*dirWatch),
		kick:   make(chan struct{}, 1),
	}
}

func (h *hub) subscribe(b *Inbox, path string, aim Aim, tag int) (*Subscription, error) {
	dir, name, in, err := split(path)
	if err != nil {
		return nil, err
	}
	id, err := identify(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s := &Subscription{hub: h, inbox: b, tag: tag}
	h.mu.Lock()
	p := h.places[in.Key(dir)]
	if p == nil {
		p = &place{dir: dir, in: in, spots: make(map[string]*spot)}
		h.places[in.Key(dir)] = p
	}
	p.join(s, name, aim)
	settled := p.settled && p.id == id
	if settled {
		h.hurry(p)
	}
	h.startPatrol()
	h.mu.Unlock()
	if !settled {
		h.settle(p)
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
	p := s.spot.place
	p.leave(s)
	if p.n > 0 {
		return
	}
	delete(h.places, p.in.Key(p.dir))
	h.move(p, nil)
	h.setPolling(p, "")
	if h.idle > maxIdle {
		h.patrolNow()
	}
}

// settle gives a place a watch on the directory at its path, or a polling timer,
// or both.
func (h *hub) settle(p *place) {
	h.admin.Lock()
	say := h.attach(p)
	h.admin.Unlock()
	say() // without locks: the handler of log records may subscribe, too
}

// attach does the work of settle and returns a function that logs it. The caller
// holds admin.
func (h *hub) attach(p *place) (say func()) {
	id, err := identify(p.path())
	var w *dirWatch
	if err == nil {
		w, err = h.watchFor(p.in.Reach(p.dir), id)
	}
	why := ""
	switch {
	case err != nil:
		why = err.Error()
	case w.kind.Silent:
		why = w.kind.Name + " does not report all changes"
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.n == 0 {
		return func() {}
	}
	if w != nil && h.byID[id] != w {
		w, why = nil, lostWatch
	}
	say = p.news(w, why)
	h.move(p, w)
	h.setPolling(p, why)
	p.id, p.settled = id, true
	return say
}

// watchFor returns a watch on the directory. The caller holds admin.
//
// The identity was looked up before the watch is made. If the directory is
// replaced in between, the identity is that of the old directory: the patrol finds
// that it differs from the path's and makes a new watch. If it were looked up
// after, and the directory replaced in between, the watch would stay on the old
// directory for ever, with the identity of the new one.
func (h *hub) watchFor(dir string, id identity) (*dirWatch, error) {
	path := resolve(dir)
	h.mu.Lock()
	if w := h.byID[id]; w != nil {
		h.mu.Unlock()
		return w, nil
	}
	if w := h.byPath[withSeparator(path)]; w != nil { // another directory was at this path
		send(h.forget(w))
	}
	h.mu.Unlock()
	if err := h.add(path); err != nil {
		return nil, err
	}
	w := &dirWatch{id: id, path: path, kind: h.kind(path), places: make(map[*place]struct{})}
	h.mu.Lock()
	h.byID[id], h.byPath[withSeparator(path)] = w, w
	h.idle++ // until a place uses it
	h.mu.Unlock()
	return w, nil
}

// add makes a watch on the path. The reason for a failure does not matter: no
// instances, watches or descriptors are left, the directory may not be read, or
// the system has no watchers. Polling works in all these cases, and a real error
// shows when the waiter looks.
func (h *hub) add(path string) error {
	if h.watcher == nil {
		w, err := h.open()
		if err != nil {
			return err
		}
		h.watcher = w
		go h.drain(w)
	}
	// fsnotify v1.10.1 confuses its records if a path that it knows is added again
	// for another directory, and it may still know the path of a directory that
	// is gone.
	h.watcher.Remove(path)
	err := h.watcher.Add(path)
	if err != nil && h.dropIdle(true) > 0 { // perhaps there were too many watches
		err = h.watcher.Add(path)
	}
	if err == nil {
		narrow(h.watcher, path)
	}
	return err
}

// resolve returns the path under which a directory is watched.
func resolve(dir string) string {
	if path, err := filepath.EvalSymlinks(dir); err == nil {
		return path
	}
	return filepath.Clean(dir)
}

func withSeparator(path string) string {
	if path != "" && path[len(path)-1] == filepath.Separator {
		return path
	}
	return path + string(filepath.Separator)
}
