package watch

import (
	"errors"
	"io/fs"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/fskind"
)

// A hub shares one fsnotify watcher among all subscriptions of the process.
//
// The goroutine that reads the reports must never wait for the watcher's Add or Remove,
// because these can wait for that goroutine. (On Windows, fsnotify carries them out in
// the goroutine that sends the reports.) Hence two mutexes: admin is held during calls
// of the watcher; mu is held only for operations on maps, and is the only one that
// reading a report takes. A goroutine that needs both takes admin first.
type hub struct {
	open        func() (*fsnotify.Watcher, error)
	kind        func(path string) fskind.Kind
	every       time.Duration // between two checks of a directory that is watched
	idleTimeout time.Duration // until a watcher without watches is closed
	young       time.Duration // see snapshot

	admin   sync.Mutex
	watcher *fsnotify.Watcher // nil until one is needed and can be made
	audited time.Time

	// narrowed has the numbers of the watches that narrow has changed, by path.
	narrowed map[string]int

	mu      sync.Mutex
	dirs    map[string]*dir   // by key
	watched map[string][]*dir // the same dirs by their watch; several if they are paths of one directory
	closing *time.Timer
}

func (h *hub) subscribe(q *Queue, path string, interest Interest, tag int) (*Subscription, error) {
	at, name, in, err := split(path)
	if err != nil {
		return nil, err
	}
	found, err := find(at)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s := &Subscription{hub: h, queue: q, tag: tag}
	h.mu.Lock()
	d := h.dirAt(at, in)
	d.join(s, name, interest)
	known := d.attached && d.id == found.ID
	if known {
		d.pollSoon()
	}
	h.mu.Unlock()
	if !known {
		h.attach(d, found.ID, err)
	}
	return s, nil
}

// find describes the directory at the path. A missing directory is the error
// [fs.ErrNotExist].
func find(path string) (file.Info, error) {
	info, err := file.Stat(path)
	switch {
	case err != nil:
	case !info.Exists:
		err = &fs.PathError{Op: "watch", Path: path, Err: fs.ErrNotExist}
	case !info.Mode.IsDir():
		err = &fs.PathError{Op: "watch", Path: path, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return file.Info{}, err
	}
	return info, nil
}

// dirAt returns the dir of a path. The caller holds mu.
func (h *hub) dirAt(path string, in cwd.Dir) *dir {
	key := in.Key(path)
	d := h.dirs[key]
	if d == nil {
		d = &dir{key: key, path: path, in: in, entries: make(map[string][]*entry), looks: make(chan struct{}, maxLooks)}
		d.timer = time.AfterFunc(h.every, func() { h.check(d) })
		h.dirs[key] = d
		if h.closing != nil {
			h.closing.Stop()
		}
	}
	return d
}

func (h *hub) unsubscribe(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.entry.dir.leave(s)
	}
}
