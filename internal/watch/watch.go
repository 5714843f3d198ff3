// Package watch wakes goroutines that wait for a directory entry to appear or to
// go. A process needs one file-system watcher, and one watch per directory, for
// any number of goroutines.
//
// It sends nudges, and a nudge is only a hint: it means "look again". It does not
// tell what happened, one nudge may stand for many changes, and a nudge may come
// without a change. The promise is that no lasting change stays unseen. A reader
// that looks once after [Inbox.Subscribe] has returned, and again after every
// nudge, finds each lasting change
//   - within microseconds if the system reports changes,
//   - within 250 ms if it is known that the system does not, and
//   - within a second if a watch has died or misses changes without a report.
//
// If reading the directory takes longer than 25 ms, polling is slower than that,
// so that it uses at most a tenth of a processor.
//
// An entry that came and went between two looks may be missed. A program that
// changes an entry and must not be missed leaves a lasting trace and calls
// [Announce].
package watch

import (
	"cmp"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// An Aim is what a subscriber waits for.
type Aim int

const (
	Appear Aim = iota // the entry exists
	Vanish            // it does not exist
	Claim             // it exists, and only one waiter gets it
	Change            // it is another one than before
)

// An Inbox collects the nudges of any number of subscriptions of one goroutine.
type Inbox struct {
	wake chan struct{}

	mu     sync.Mutex
	nudged []*Subscription
}

// NewInbox returns an Inbox without subscriptions.
func NewInbox() *Inbox { return &Inbox{wake: make(chan struct{}, 1)} }

// Wake returns a channel that is sent to when there are nudges.
func (b *Inbox) Wake() <-chan struct{} { return b.wake }

// Nudged appends the tags of the subscriptions that were nudged since the last
// call, each once, in any order.
func (b *Inbox) Nudged(tags []int) []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.nudged {
		s.queued = false
		tags = append(tags, s.tag)
	}
	clear(b.nudged)
	b.nudged = b.nudged[:0]
	return tags
}

func (b *Inbox) put(s *Subscription) {
	b.mu.Lock()
	if !s.queued {
		s.queued = true
		b.nudged = append(b.nudged, s)
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Subscribe asks for nudges whenever the entry at path appears or goes, until the
// subscription is closed.
//
// It returns a [*fs.PathError] if the directory of path cannot be examined or is
// not a directory. If the directory cannot be watched or does not exist, a timer
// sends the nudges. The directory may appear, go and come back meanwhile.
func (b *Inbox) Subscribe(path string, aim Aim, tag int) (*Subscription, error) {
	return process.subscribe(b, path, aim, tag)
}

// process is the hub of this process. It makes its one watcher when it is first
// needed and keeps it for long: there are few inotify instances (128 per user,
// inotify(7)), and closing one takes milliseconds.
var process = newHub(openWatcher, patrolEvery)

// split returns the directory of path with its last separator, the name, and the
// working directory that the path begins in. It does not clean the directory:
// a/../b is another one than b if a is a symbolic link.
func split(path string) (dir, name string, in cwd.Dir, err error) {
	at, in, err := cwd.At(path)
	if err != nil {
		return "", "", in, &fs.PathError{Op: "watch", Path: path, Err: err}
	}
	dir, name = filepath.Split(at)
	return cmp.Or(dir, "."+string(filepath.Separator)), name, in, nil
}
