// Package watch wakes goroutines that wait for an entry of a directory to
// appear or to go, with one file-system watcher per process and one watch per
// directory, however many goroutines wait.
//
// What it sends is a hint and never a fact. A nudge says "look again"; it does
// not say what happened, one nudge may stand for many changes, and nudges
// come without any change. What it promises is that no change stays unseen:
// a reader that looks once after [Inbox.Subscribe] has returned, and again
// after every nudge, finds every lasting change within microseconds where the
// system reports changes, within 250 ms where it does not and this is known,
// and within a second where a watch has died or misses changes in silence.
// Where reading the directory takes longer than 25 ms, it is polled less often
// than that, so that it costs at most a tenth of a processor.
//
// Not promised: that something that came and went between two looks was seen.
// Whoever changes an entry and needs that leaves a trace that lasts, and then
// calls [Announce].
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
	Appear Aim = iota // that there is an entry
	Vanish            // that there is none
	Claim             // that there is one, and to be the only one who gets it
	Change            // that there is another one than before
)

// An Inbox collects the nudges of any number of subscriptions for one
// goroutine.
type Inbox struct {
	wake chan struct{}

	mu     sync.Mutex
	nudged []*Subscription
}

// NewInbox returns an Inbox without subscriptions.
func NewInbox() *Inbox { return &Inbox{wake: make(chan struct{}, 1)} }

// Wake is sent to when there are nudges.
func (b *Inbox) Wake() <-chan struct{} { return b.wake }

// Nudged appends the tags of the subscriptions that were nudged since the last
// call, each once, in no order.
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

// Subscribe asks for nudges whenever the entry at path appears or goes, until
// the subscription is closed.
//
// It fails with a [*fs.PathError] if the directory of path cannot be examined
// or is not one, and for no other reason: where it cannot be watched, or does
// not exist, the nudges come from a timer. The directory may come, go and come
// back while the subscription stands.
func (b *Inbox) Subscribe(path string, aim Aim, tag int) (*Subscription, error) {
	return process.subscribe(b, path, aim, tag)
}

// process is the hub of this process. Inotify instances are few (128 per
// user, inotify(7)), and closing one takes milliseconds, so there is one, made
// when it is first needed and kept for long.
var process = newHub(openWatcher, patrolEvery)

// split returns the directory and the name in path, the directory with its last
// separator, and what it begins in. The directory is not cleaned: a/../b is
// another one if a is a symbolic link.
func split(path string) (dir, name string, in cwd.Dir, err error) {
	at, in, err := cwd.At(path)
	if err != nil {
		return "", "", in, &fs.PathError{Op: "watch", Path: path, Err: err}
	}
	dir, name = filepath.Split(at)
	return cmp.Or(dir, "."+string(filepath.Separator)), name, in, nil
}
