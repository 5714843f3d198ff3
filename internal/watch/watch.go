// Package watch tells goroutines that wait for a directory entry when to look for it.
// A process needs one file-system watcher, and one watch per directory, for any
// number of goroutines.
//
// A notification is only a hint: it means "look again". It does not tell what happened.
// It may stand for many changes, and it may come without a change. The promise is that
// no lasting change stays unseen. A reader that looks once after [Queue.Subscribe] has
// returned, and again after every notification, finds each lasting change
//   - within microseconds if the system reports changes,
//   - within 250 ms if it is known that the system does not (within a second or two if the
//     file system or the machine is slow), and
//   - within a second if a watch has died or misses changes without a report.
//
// If thousands of goroutines wait for entries of one directory, the package polls less
// often, so that polling uses at most a tenth of a processor. Then it also takes longer to
// find changes that a watch has missed, but not to find a dead watch.
//
// A reader may miss an entry that came and went between two of its looks. So a program
// that removes an entry, and wants the readers to know that it was there, moves it to
// the directory [sidecar.Dir] beside it. Processes that poll notice a change there, too.
package watch

import (
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/fskind"
)

// An Interest is the change that a subscription waits for.
type Interest int

const (
	Appear Interest = iota // the entry exists
	Vanish                 // it does not exist
	Take                   // it exists, and only one waiter can take it
	Change                 // it is another entry than before
)

// concerns reports whether a change notifies a subscription with this interest. The
// removal of an entry does not notify waiters that want to take the entry: each time one
// of them took it, all others would look in vain. The removal notifies waiters for the
// appearance, because the entry may have existed only for a moment.
func (i Interest) concerns(op fsnotify.Op) bool {
	switch i {
	case Take:
		return op&fsnotify.Create != 0
	case Vanish:
		return op&(fsnotify.Remove|fsnotify.Rename) != 0
	}
	return true
}

// A Queue collects the notifications for one goroutine, from any number of
// subscriptions.
type Queue struct {
	c chan struct{}

	mu       sync.Mutex
	notified []*Subscription
}

// NewQueue returns a Queue without subscriptions.
func NewQueue() *Queue { return &Queue{c: make(chan struct{}, 1)} }

// C returns a channel that is sent to when there are notifications.
func (q *Queue) C() <-chan struct{} { return q.c }

// Drain removes the notifications, and appends the tags of their subscriptions, each
// once and in any order.
func (q *Queue) Drain(tags []int) []int {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.notified {
		s.queued = false
		tags = append(tags, s.tag)
	}
	clear(q.notified)
	q.notified = q.notified[:0]
	return tags
}

func (q *Queue) put(s *Subscription) {
	q.mu.Lock()
	if !s.queued {
		s.queued = true
		q.notified = append(q.notified, s)
	}
	q.mu.Unlock()
	select {
	case q.c <- struct{}{}:
	default:
	}
}

// Subscribe asks for notifications of changes of the entry at path, until the
// subscription is closed.
//
// It returns a [*fs.PathError] if the directory of path cannot be examined or is not a
// directory. If the directory does not exist or cannot be watched, it is polled. During
// the subscription it may appear, go and come back.
func (q *Queue) Subscribe(path string, interest Interest, tag int) (*Subscription, error) {
	return processHub.subscribe(q, path, interest, tag)
}

// processHub is the hub of this process. It keeps its watcher for a minute after the last
// wait, because closing an inotify instance takes milliseconds. It does not keep the
// watcher for ever, because a user has only 128 instances (inotify(7)).
var processHub = newHub(fsnotify.NewWatcher, checkEvery(), 60*time.Second)

func newHub(open func() (*fsnotify.Watcher, error), every, idleTimeout time.Duration) *hub {
	return &hub{
		open: open, kind: fskind.Of, every: every, idleTimeout: idleTimeout, young: young,
		dirs: make(map[string]*dir), watched: make(map[string][]*dir), narrowed: make(map[string]int),
	}
}

// NoRescans is for tests of other packages: from now on, only reports of the watcher
// wake waiters of this process.
func NoRescans() { processHub.every = 24 * time.Hour }
