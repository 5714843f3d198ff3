//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// acquireCanceled waits for a lock and cancels the wait some time after it began.
// If that time is 0, the wait is canceled while it begins. It reports whether it
// acquired the lock anyway. If not, late is the time from the cancellation until
// the call returned.
func acquireCanceled(l peerLock, after time.Duration) (late time.Duration, acquired bool, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	canceled := make(chan int64, 1)
	cancelNow := func() {
		canceled <- now()
		cancel()
	}
	begins := cancelNow
	if after > 0 {
		begins = func() { time.AfterFunc(after, cancelNow) }
	}
	err = l.wait(onWait(ctx, begins))
	returned := now()
	if err == nil {
		return 0, true, nil
	}
	if !errors.Is(err, context.Canceled) {
		return 0, false, err
	}
	return time.Duration(returned - <-canceled), false, nil
}

// cancelWait is acquireCanceled for a lock that is held, so that the wait cannot
// acquire it.
func cancelWait(l peerLock, after time.Duration) (late time.Duration, err error) {
	late, acquired, err := acquireCanceled(l, after)
	if acquired {
		err = errors.New("acquired a lock that is held")
	}
	return late, err
}

// waitForever starts a goroutine that waits for a lock without a deadline, and
// returns when it waits.
func waitForever(l peerLock) error {
	waits, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		failed <- fmt.Errorf("a wait without a deadline has ended: %w", l.wait(onWait(context.Background(), func() { close(waits) })))
	}()
	select {
	case <-waits:
		return nil
	case err := <-failed:
		return err
	}
}
