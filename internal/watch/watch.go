// Package watch wakes goroutines that wait for an entry of a directory to
// appear or to go, with one file-system watcher per process and one watch per
// directory, however many goroutines wait.
//
// What it sends is a hint and never a fact. A nudge says "look again"; it does
// not say what happened, one nudge may stand for many changes, and nudges
// come without any change. What it promises is that no change stays unseen:
// a reader that looks once after [Subscribe] has returned, and again after
// every nudge, finds every lasting change within microseconds where the
// system reports changes, within 250 ms where it does not and this is known,
// and within a second where a watch has died or misses changes in silence.
//
// Not promised: that something that came and went between two looks was seen.
// Whoever needs that leaves a trace that lasts.
package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// A Subscription asks for nudges about one directory entry until it is closed.
type Subscription struct {
	hub   *hub
	dir   string // absolute, but otherwise as the subscriber spells it
	name  string // fold of the entry's name
	nudge chan<- struct{}

	// The hub's mu guards the fields below.
	on     *dirWatch   // nil: no watch to be had, the entry is polled
	poll   *time.Timer // runs while on is nil
	pause  time.Duration
	closed bool
}

// Subscribe asks for a nudge on the channel whenever the entry at path appears
// or goes. Nudges never block: the channel needs room for one, and a nudge
// that finds no room is one with the nudge that is there. Several
// subscriptions may share a channel.
//
// It fails with a [*fs.PathError] if the directory of path is missing or
// cannot be examined, and for no other reason: where it cannot be watched, the
// nudges come from a timer. The directory may go and come back while the
// subscription stands.
func Subscribe(path string, nudge chan<- struct{}) (*Subscription, error) {
	return process.subscribe(path, nudge)
}

// process is the hub of this process. Inotify instances are few (128 per
// user, inotify(7)), and closing one takes milliseconds, so there is one, made
// when it is first needed and kept.
var process = newHub(openWatcher, patrolEvery)

// Close ends the nudges. It does not close the channel, and one last nudge may
// be in it. Closing twice does nothing.
func (s *Subscription) Close() { s.hub.unsubscribe(s) }

func (s *Subscription) send() {
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// split returns the directory and the name in path, the directory absolute
// because a subscription outlives changes of the working directory. The
// directory is not cleaned: a/../b is another one if a is a symbolic link.
func split(path string) (dir, name string, err error) {
	if !filepath.IsAbs(path) {
		wd, err := os.Getwd()
		if err != nil {
			return "", "", &fs.PathError{Op: "watch", Path: path, Err: err}
		}
		if runtime.GOOS == "windows" { // C:name is relative to the directory of that drive
			if path, err = filepath.Abs(path); err != nil {
				return "", "", &fs.PathError{Op: "watch", Path: path, Err: err}
			}
		} else {
			path = wd + string(filepath.Separator) + path
		}
	}
	dir, name = filepath.Split(path)
	return dir, name, nil
}
