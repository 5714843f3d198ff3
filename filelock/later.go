package filelock

import (
	"sync"
	"time"
)

// A later calls do for each thing that was added, some time after that, unless the
// thing is taken out before. Each call has its own goroutine, because a file system
// may be slow.
//
// One timer serves all things, and stops only when nothing was added for a whole
// period: to start a timer wakes another thread, which takes half as long as a
// hand-over.
type later[T comparable] struct {
	after time.Duration // the shortest time
	every time.Duration // how often to look for things that are due
	do    func(T)

	mu    sync.Mutex // guards the fields below
	added map[T]time.Time
	timed bool // flush will be called
	used  bool // something was added since the last flush
}

func (l *later[T]) add(thing T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.added == nil {
		l.added = map[T]time.Time{}
	}
	l.added[thing] = time.Now()
	l.used = true
	if !l.timed {
		l.timed = true
		time.AfterFunc(l.every, l.flush)
	}
}

// flush calls do for the things that were added long enough ago.
func (l *later[T]) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for thing, since := range l.added {
		if time.Since(since) >= l.after {
			delete(l.added, thing)
			go l.do(thing)
		}
	}
	if l.timed = l.used || len(l.added) > 0; l.timed {
		time.AfterFunc(l.every, l.flush)
	}
	l.used = false
}

// take takes a thing out: do will not be called for it, unless it is running already.
func (l *later[T]) take(thing T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.added, thing)
}
