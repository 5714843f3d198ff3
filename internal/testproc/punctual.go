package testproc

import (
	"testing"
	"time"
)

// Punctual is for a test of something that depends on how soon processes run, such as
// two signals that count as one if they come within 50 ms. It calls try until that
// returns no error. An error counts only if this process was punctual meanwhile: if it
// was not, the machine was busy, and there is another try.
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

// maxDelay is how late a process is at most that is punctual.
const maxDelay = 10 * time.Millisecond

// measureDelay measures how late this process runs, and returns a function that ends
// that and returns the longest delay.
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
