//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/fsync-lock/fsync/filelock"
)

var errPanicked = errors.New("the function panicked")

// useWith acquires, works and releases in one call. Sometimes the function panics; With
// releases the lock in any case.
func (c *client) useWith(l locker) result {
	a := record{Op: opAcquire, Hold: c.newHold()}
	if c.habit.role == reads {
		a.Op = opShared
	}
	a = c.begin(a)
	var release record
	err := withRecover(l, func() error {
		a.Result = ok
		a.identify(l)
		a = c.end(a)
		leave := c.enter(a)
		c.stay(l, a)
		leave()
		release = c.begin(record{Op: opRelease, Hold: a.Hold, File: a.File, Born: a.Born})
		if c.chance(20) {
			panic(errPanicked)
		}
		return nil
	})
	if a.Result != ok {
		a.became(err)
		return c.end(a).Result
	}
	if errors.Is(err, errPanicked) {
		err = nil
	}
	release.became(err)
	c.end(release)
	return ok
}

func withRecover(l locker, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(error)
		}
	}()
	return l.With(context.Background(), func(context.Context) error { return f() })
}

// askHolders calls Holders while this client holds the lock.
func (c *client) askHolders(l locker, a record) {
	if c.plan.slots[c.slot].program == roamingProgram {
		return // the path may lead to the other lock now
	}
	c.do(record{Op: opHolders, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) {
		holders, err := l.Holders()
		if errors.Is(err, errors.ErrUnsupported) { // without /proc it is not known
			r.Result = no
			return
		}
		if err == nil {
			err = c.fits(holders, a)
		}
		if err == nil {
			_, err = l.Waiters()
		}
		r.became(err)
	})
}

// fits reports an error unless this process is among the holders, and alone if its hold is
// exclusive.
func (c *client) fits(holders []filelock.Holder, a record) error {
	mine, slot := 0, 0
	if c.object.kind == semaphore {
		slot = int(a.Slept) // for a lock, Slept says when it went to the gate
	}
	for _, h := range holders {
		switch {
		case h.PID == os.Getpid() && h.Shared == (a.Op == opShared) && h.Slot == slot:
			mine++
		case h.Taker == os.Getpid() && c.plan.has(startsOthers): // a program that is just being started has copies of all files
		case c.object.kind != semaphore && (a.Op != opShared || !h.Shared):
			return fmt.Errorf("%v is named as a holder, but process %d holds the lock", h, os.Getpid())
		}
	}
	if mine == 0 {
		return fmt.Errorf("process %d holds the lock, but is not among %v", os.Getpid(), holders)
	}
	return nil
}
