//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	gofrsflock "github.com/gofrs/flock"
	"github.com/juju/mutex/v2"
	"github.com/rogpeppe/go-internal/lockedfile"
	"golang.org/x/sys/unix"
)

// A peerLock is a peer's lock on one path, used as the peer's documentation says.
type peerLock struct {
	acquire func() error // waits without a deadline
	release func() error
	tryOnce func() (bool, error)              // does not wait; nil if no row measures it
	tryFor  func(time.Duration) (bool, error) // nil if the peer has no timeouts
	wait    func(context.Context) error       // acquire with a context; nil if the peer cannot cancel
}

// gofrsPoll is the pause between two tries of gofrs/flock, which has no default
// for it.
const gofrsPoll = 10 * time.Millisecond

// rawReopened is flock(2) with an open and a close for each hold, as in most peers.
// rawFlock keeps its file open, which takes less time.
const rawReopened = "flock(2), reopened"

// oursSlots is our semaphore, used as a lock that has as many holders as slots.
const oursSlots = "ours, slots"

func newPeerLock(peer, path string, shared bool) (peerLock, error) {
	if shared && peer != ours && peer != rawFlock {
		return peerLock{}, fmt.Errorf("no shared locks of %s in these measurements", peer)
	}
	switch peer {
	case ours:
		return newOurs(path, shared), nil
	case oursSlots:
		s := filelock.NewSemaphore(path, slots)
		return ourPeerLock(s.Acquire, s.Release, s.TryAcquireFor, s.TryAcquire), nil
	case rawFlock:
		return newRaw(path, shared)
	case rawReopened:
		return newReopened(path), nil
	case gofrs:
		return newGofrs(path), nil
	case lockedFile:
		return newLockedFile(path), nil
	case jujuMutex:
		return newJuju(path)
	}
	return peerLock{}, fmt.Errorf("no peer %q in Go", peer)
}

func newOurs(path string, shared bool) peerLock {
	var opts []filelock.Option
	if shared {
		opts = append(opts, filelock.Shared())
	}
	l := filelock.New(path, opts...)
	return ourPeerLock(l.Acquire, l.Release, l.TryAcquireFor, l.TryAcquire)
}

func ourPeerLock(wait func(context.Context) error, release func() error, tryFor func(time.Duration) (bool, error), tryOnce func() (bool, error)) peerLock {
	return peerLock{
		acquire: func() error { return wait(context.Background()) },
		release: release,
		tryOnce: tryOnce,
		tryFor:  tryFor,
		wait:    wait,
	}
}

func newRaw(path string, shared bool) (peerLock, error) {
	fd, err := openRaw(path)
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	return peerLock{
		acquire: func() error { return flock(fd, how) },
		release: func() error { return flock(fd, unix.LOCK_UN) },
	}, err
}

func newReopened(path string) peerLock {
	var fd int
	return peerLock{
		acquire: func() (err error) {
			if fd, err = openRaw(path); err != nil {
				return err
			}
			return flock(fd, unix.LOCK_EX)
		},
		release: func() error { return unix.Close(fd) },
	}
}

func openRaw(path string) (int, error) {
	return unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o666)
}

func flock(fd, how int) error {
	for {
		if err := unix.Flock(fd, how); err != unix.EINTR {
			return err
		}
	}
}

func newGofrs(path string) peerLock {
	l := gofrsflock.New(path)
	wait := func(ctx context.Context) error {
		_, err := l.TryLockContext(ctx, gofrsPoll)
		return err
	}
	return peerLock{
		acquire: func() error { return wait(context.Background()) },
		release: l.Unlock,
		tryOnce: l.TryLock,
		wait:    wait,
		tryFor: func(d time.Duration) (bool, error) {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			ok, err := l.TryLockContext(ctx, gofrsPoll)
			if ctx.Err() != nil {
				err = nil
			}
			return ok, err
		},
	}
}

func newLockedFile(path string) peerLock {
	m := lockedfile.MutexAt(path)
	var unlock func()
	return peerLock{
		acquire: func() (err error) {
			unlock, err = m.Lock()
			return err
		},
		release: func() error {
			unlock()
			return nil
		},
	}
}

// newJuju makes juju/mutex lock a file in the directory of path. juju/mutex takes
// a name instead of a path, and puts its file into the directory for temporary
// files.
func newJuju(path string) (peerLock, error) {
	if err := os.Setenv("TMPDIR", filepath.Dir(path)); err != nil {
		return peerLock{}, err
	}
	spec := mutex.Spec{
		Name:  strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)),
		Clock: wallClock{},
		Delay: time.Millisecond, // for systems without flock(2)
	}
	var held mutex.Releaser
	return peerLock{
		acquire: func() (err error) {
			held, err = mutex.Acquire(spec)
			return err
		},
		release: func() error {
			held.Release()
			return nil
		},
	}, nil
}

// wallClock is the clock that juju/mutex needs.
type wallClock struct{}

func (wallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (wallClock) Now() time.Time                         { return time.Now() }
