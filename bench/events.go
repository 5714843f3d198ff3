//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/fileevent"
	"golang.org/x/sys/unix"
)

// A peerEvent is a peer's event on one path. The bare peers do not guard against
// missed notifications. A function is nil if the peer does not have it. wait and
// waitClear call their argument right before they sleep.
type peerEvent struct {
	set, clear func() error
	wait       func(onWaiting func()) error // until the event is set
	waitClear  func(onWaiting func()) error // until the event is clear
}

// statPoll is the pause between two calls of os.Stat of the peer that polls.
const statPoll = 10 * time.Millisecond

// errNoWatcher means that the user has no inotify instances left.
var errNoWatcher = errors.New("no inotify instance left")

// newSetter returns an event for a process that sets and clears, and never waits.
func newSetter(peer, path string) (peerEvent, error) {
	switch peer {
	case ours, oursPolling:
		e := fileevent.New(path)
		return peerEvent{set: e.Set, clear: e.Clear}, nil
	case bareFsnotify, rawInotify, statPolling:
		return peerEvent{set: func() error { return create(path) }, clear: func() error { return os.Remove(path) }}, nil
	case pipe:
		return newPipe(path)
	}
	return peerEvent{}, fmt.Errorf("no event of %s in Go", peer)
}

// newWaiter returns an event for a process that waits. The bare peers begin to
// watch the directory here, before the first wait.
func newWaiter(peer, path string) (peerEvent, error) {
	e, err := newSetter(peer, path)
	if err != nil {
		return e, err
	}
	switch peer {
	case ours, oursPolling:
		e.wait, e.waitClear = oursWaits(path)
	case bareFsnotify:
		err = e.watchWithFsnotify(path)
	case rawInotify:
		err = e.watchWithInotify(path)
	case statPolling:
		e.wait = func(onWaiting func()) error { return poll(path, onWaiting) }
	}
	return e, err
}

func oursWaits(path string) (wait, waitClear func(onWaiting func()) error) {
	e := fileevent.New(path)
	wait = func(onWaiting func()) error { return e.Wait(onWait(context.Background(), onWaiting)) }
	waitClear = func(onWaiting func()) error { return e.WaitClear(onWait(context.Background(), onWaiting)) }
	return wait, waitClear
}

func create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	return f.Close()
}

// watchWithFsnotify waits for a notification about the marker. It does not check
// whether the marker exists, so it misses a set before the wait and after an
// overflow.
func (e *peerEvent) watchWithFsnotify(path string) error {
	w, err := fsnotify.NewWatcher()
	if errors.Is(err, unix.EMFILE) {
		return errNoWatcher
	}
	if err != nil {
		return err
	}
	waitFor := func(op fsnotify.Op) func(func()) error {
		return func(onWaiting func()) error {
			onWaiting()
			for {
				select {
				case notification := <-w.Events:
					if notification.Has(op) && notification.Name == path {
						return nil
					}
				case <-w.Errors:
				}
			}
		}
	}
	e.wait, e.waitClear = waitFor(fsnotify.Create), waitFor(fsnotify.Remove)
	return w.Add(filepath.Dir(path))
}

// watchWithInotify does the least that is possible on Linux: it watches for new
// files only, and a thread sleeps in read(2).
func (e *peerEvent) watchWithInotify(path string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return err
	}
	name := filepath.Base(path)
	buf := make([]byte, unix.SizeofInotifyEvent+unix.NAME_MAX+1)
	e.wait = func(onWaiting func()) error {
		onWaiting()
		for {
			n, err := unix.Read(fd, buf)
			if err != nil && err != unix.EINTR {
				return err
			}
			if n > unix.SizeofInotifyEvent && unix.ByteSliceToString(buf[unix.SizeofInotifyEvent:n]) == name {
				return nil
			}
		}
	}
	_, err = unix.InotifyAddWatch(fd, filepath.Dir(path), unix.IN_CREATE)
	return err
}

// newPipe returns an event that is a byte in a FIFO. It shows the least time that
// it takes to wake a sleeping process.
func newPipe(path string) (peerEvent, error) {
	if err := unix.Mkfifo(path, 0o666); err != nil && err != unix.EEXIST {
		return peerEvent{}, err
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	set := func() error {
		_, err := unix.Write(fd, []byte{'.'})
		return err
	}
	wait := func(onWaiting func()) error {
		onWaiting()
		var buf [1]byte
		for {
			if _, err := unix.Read(fd, buf[:]); err != unix.EINTR {
				return err
			}
		}
	}
	return peerEvent{set: set, clear: func() error { return nil }, wait: wait}, err
}

func poll(path string, onWaiting func()) error {
	onWaiting()
	for {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		time.Sleep(statPoll)
	}
}
