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

// A locker is a peer's lock on one path, as its documentation says to use it.
type peerLock struct {
	acquire func() error // waits
	release func() error
	try     func(time.Duration) (bool, error) // nil if the peer has no deadlines
	once    func() (bool, error)              // a try that does not wait; nil if it is not measured
	wait    func(context.Context) error       // until the context ends; nil if the peer cannot give up
}

// gofrsPoll is the pause between two tries of gofrs/flock, which has no default.
const gofrsPoll = 10 * time.Millisecond

// rawReopened is flock(2) with an open and a close around each hold, as all
// the others have it. rawFlock keeps its file open, which costs least.
const rawReopened = "flock(2), reopened"

// oursSlots is a semaphore of ours as a lock: one that has as many holders as
// there are slots.
const oursSlots = "ours, slots"

func newPeerLock(peer, path string, shared bool) (peerLock, error) {
	if shared && peer != ours && peer != rawFlock {
		return peerLock{}, fmt.Errorf("no shared locks of %s here", peer)
	}
	switch peer {
	case ours:
		return newOurs(path, shared), nil
	case oursSlots:
		s := filelock.NewSemaphore(path, slots)
		return ourLocker(s.Acquire, s.Release, s.TryAcquireFor, s.TryAcquire), nil
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
	return ourLocker(l.Acquire, l.Release, l.TryAcquireFor, l.TryAcquire)
}

func ourLocker(wait func(context.Context) error, release func() error, try func(time.Duration) (bool, error), once func() (bool, error)) peerLock {
	return peerLock{
		acquire: func() error { return wait(context.Background()) },
		release: release,
		try:     try,
		once:    once,
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

// newGofrs tries first, as its users do who want to be fast when nobody holds
// the lock; TryLockContext does so by itself.
func newGofrs(path string) peerLock {
	l := gofrsflock.New(path)
	wait := func(ctx context.Context) error {
		_, err := l.TryLockContext(ctx, gofrsPoll)
		return err
	}
	return peerLock{
		acquire: func() error { return wait(context.Background()) },
		release: l.Unlock,
		once:    l.TryLock,
		wait:    wait,
		try: func(d time.Duration) (bool, error) {
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

// newJuju locks a file of its own in the path's directory: juju/mutex takes a
// name and puts the file into the directory for temporary files.
func newJuju(path string) (peerLock, error) {
	if err := os.Setenv("TMPDIR", filepath.Dir(path)); err != nil {
		return peerLock{}, err
	}
	spec := mutex.Spec{
		Name:  strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)),
		Clock: wallClock{},
		Delay: time.Millisecond, // not used where there is flock(2)
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

// wallClock is the clock that juju/mutex asks for.
type wallClock struct{}

func (wallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (wallClock) Now() time.Time                         { return time.Now() }
