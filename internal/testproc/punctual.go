package testproc

import (
	"testing"
	"time"
)

// Punctual is for a test of code that measures time, such as the code that counts two
// signals as one if they come within 50 ms. It calls try until try returns no error. An
// error fails the test only if this process was punctual during that call. Otherwise the
// machine was too busy, and Punctual calls try again.
func Punctual(t testing.TB, try func() error) {
	t.Helper()
	for end := time.Now().Add(Patience); ; {
		stop := measureDelay()
		err := try()
		delay := stop()
		switch {
		case err == nil:
			return
		case delay < maxDelay:
			t.Fatal(err)
		case time.Now().After(end):
			t.Skipf("the machine is too busy: this process was %v late; %v", delay, err)
		}
	}
}

// maxDelay is how late a punctual process may be.
const maxDelay = 10 * time.Millisecond

// measureDelay begins to measure how late the timers of this process are. stop ends the
// measurement, and returns the longest delay.
func measureDelay() (stop func() time.Duration) {
	over, longest := make(chan struct{}), make(chan time.Duration)
	go func() {
		var most time.Duration
		for {
			start := time.Now()
			select {
			case <-over:
				longest <- most
				return
			case <-time.After(time.Millisecond):
			}
			most = max(most, time.Since(start)-time.Millisecond)
		}
	}()
	return func() time.Duration {
		close(over)
		return <-longest
	}
}
