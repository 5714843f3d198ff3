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

// An eventer is a peer's event on one path, as one who has nothing else to do
// would use it. Functions that a peer has not got are nil.
type peerEvent struct {
	set, clear func() error
	wait       func(tell func()) error // until it is set; tell is called right before it sleeps
	waitClear  func(tell func()) error
	take       func(tell func()) error // as an event that lets one waiter through
}

// statPause is the pause between two looks of the peer that polls.
const statPause = 10 * time.Millisecond

// errNoWatcher says that the user has no inotify instances left.
var errNoWatcher = errors.New("no watcher to be had")

// newSetter is for those who set and clear, and never wait.
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

// newWaiter is for those who wait. What can be had before a wait, such as a
// watch, the bare peers have from now on.
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
		e.wait = func(tell func()) error { return poll(path, tell) }
	}
	return e, err
}

func oursWaits(path string) (wait, waitClear func(tell func()) error) {
	e := fileevent.New(path)
	wait = func(tell func()) error { return e.Wait(onWait(context.Background(), tell)) }
	waitClear = func(tell func()) error { return e.WaitClear(onWait(context.Background(), tell)) }
	return wait, waitClear
}

func create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	return f.Close()
}

// watchWithFsnotify waits for the one event of the file. It looks at nothing,
// so nothing may happen before it waits, and it knows nothing of overflows.
func (e *peerEvent) watchWithFsnotify(path string) error {
	w, err := fsnotify.NewWatcher()
	if errors.Is(err, unix.EMFILE) {
		return errNoWatcher
	}
	if err != nil {
		return err
	}
	await := func(op fsnotify.Op) func(func()) error {
		return func(tell func()) error {
			tell()
			for {
				select {
				case got := <-w.Events:
					if got.Has(op) && got.Name == path {
						return nil
					}
				case <-w.Errors:
				}
			}
		}
	}
	e.wait, e.waitClear = await(fsnotify.Create), await(fsnotify.Remove)
	return w.Add(filepath.Dir(path))
}

// watchWithInotify is the least that there is to do on Linux: one kind of
// event, and a thread that sleeps in read(2).
func (e *peerEvent) watchWithInotify(path string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return err
	}
	name := filepath.Base(path)
	buf := make([]byte, unix.SizeofInotifyEvent+unix.NAME_MAX+1)
	e.wait = func(tell func()) error {
		tell()
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

// newPipe is a byte through a FIFO, which is what it costs to wake a process
// that sleeps.
func newPipe(path string) (peerEvent, error) {
	if err := unix.Mkfifo(path, 0o666); err != nil && err != unix.EEXIST {
		return peerEvent{}, err
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	set := func() error {
		_, err := unix.Write(fd, []byte{'.'})
		return err
	}
	wait := func(tell func()) error {
		tell()
		var buf [1]byte
		for {
			if _, err := unix.Read(fd, buf[:]); err != unix.EINTR {
				return err
			}
		}
	}
	return peerEvent{set: set, clear: func() error { return nil }, wait: wait}, err
}

func poll(path string, tell func()) error {
	tell()
	for {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		time.Sleep(statPause)
	}
}
