//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// abandon waits for a lock, and gives the wait up some time after it has begun.
// It reports whether it has the lock all the same, and how long after the end
// of the context the call returned; that is only measured if it has not. With
// no time at all, the wait ends while it begins.
func acquireCanceled(l peerLock, after time.Duration) (late time.Duration, has bool, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan int64, 1)
	end := func() {
		ended <- now()
		cancel()
	}
	begun := end
	if after > 0 {
		begun = func() { time.AfterFunc(after, end) }
	}
	err = l.wait(onWait(ctx, begun))
	returned := now()
	if err == nil {
		return 0, true, nil
	}
	if !errors.Is(err, context.Canceled) {
		return 0, false, err
	}
	return time.Duration(returned - <-ended), false, nil
}

// giveUp is abandon for a lock that is held.
func cancelWait(l peerLock, after time.Duration) (time.Duration, error) {
	late, has, err := acquireCanceled(l, after)
	if has {
		err = errors.New("acquired a lock that is held")
	}
	return late, err
}

// waitAlone has a goroutine of this process wait for a lock for good, and
// returns when it waits.
func waitForever(l peerLock) error {
	waits, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		failed <- fmt.Errorf("a wait without an end has ended: %w", l.wait(onWait(context.Background(), func() { close(waits) })))
	}()
	select {
	case <-waits:
		return nil
	case err := <-failed:
		return err
	}
}
