// Package later calls functions after some time.
package later

import (
	"sync"
	"time"
)

// Calls calls Do for each thing that was added, after some time, unless the thing was
// removed before. Each call has its own goroutine, because a file system may be slow.
//
// One timer serves all things. It stops only when nothing was added for a whole period:
// starting a timer wakes another thread, which takes half as long as handing a lock over.
type Calls[T comparable] struct {
	After time.Duration // the shortest time between Add and Do
	Every time.Duration // how often to look for things that are due
	Do    func(T)

	mu    sync.Mutex // guards the fields below
	added map[T]time.Time
	timed bool // the timer will call Flush
	used  bool // something was added since the last Flush
}

// Add adds a thing, or starts its time again.
func (l *Calls[T]) Add(thing T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.added == nil {
		l.added = map[T]time.Time{}
	}
	l.added[thing] = time.Now()
	l.used = true
	if !l.timed {
		l.timed = true
		time.AfterFunc(l.Every, l.Flush)
	}
}

// Flush calls Do for the things that were added long enough ago.
func (l *Calls[T]) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for thing, since := range l.added {
		if time.Since(since) >= l.After {
			delete(l.added, thing)
			go l.Do(thing)
		}
	}
	if l.timed = l.used || len(l.added) > 0; l.timed {
		time.AfterFunc(l.Every, l.Flush)
	}
	l.used = false
}

// Remove removes a thing: Do will not be called for it, unless that call has begun.
func (l *Calls[T]) Remove(thing T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.added, thing)
}

// Has reports whether the thing was added, and neither removed nor given to Do since.
func (l *Calls[T]) Has(thing T) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, has := l.added[thing]
	return has
}
