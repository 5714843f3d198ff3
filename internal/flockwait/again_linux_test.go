package flockwait

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// A call that was called back gets signals until it is over, and none afterwards. The tests of
// this file are not parallel: others replace Reached.
func TestBackAgain(t *testing.T) {
	over := &Call{}
	over.backAgain()
	if unanswered.Has(over) {
		t.Error("a call that is over will get another signal")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := &Call{thread: unix.Gettid()}
	c.backAgain()
	if !unanswered.Has(c) {
		t.Error("a call that is not over will get no other signal")
	}
	unanswered.Remove(c)
}

// A call that is over is not kept for another signal.
func TestAnswered(t *testing.T) {
	if !canBeCalledBack() {
		t.Fatal("no call can be called back")
	}
	path := filepath.Join(t.TempDir(), "a.lock")
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	c, why := &Call{}, errors.New("called back")
	defer func() { Reached = func(Step, int) {} }()
	Reached = func(now Step, _ int) {
		if now == Begun {
			c.Back(why)
		}
	}
	if err := c.Lock(fd, unix.LOCK_EX); err != why || unanswered.Has(c) {
		t.Errorf("Lock = %v; it is kept: %v", err, unanswered.Has(c))
	}
}
