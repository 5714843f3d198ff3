package filelock

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What is added is done once, not early and not much later, unless it is taken out.
// The timer stops after a period in which nothing came.
func TestLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var done []int
		start := time.Now()
		l := later[int]{after: 5 * time.Millisecond, every: 10 * time.Millisecond}
		l.do = func(n int) {
			mu.Lock()
			defer mu.Unlock()
			done = append(done, n)
			if at := time.Since(start); at != 10*time.Millisecond && at != 20*time.Millisecond {
				t.Errorf("%d is done after %v", n, at)
			}
		}
		timed := func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.timed
		}
		l.add(1)
		l.add(2)
		l.take(2)
		time.Sleep(8 * time.Millisecond)
		l.add(3) // too young for the first flush
		time.Sleep(3 * time.Millisecond)
		synctest.Wait()
		if !slices.Equal(done, []int{1}) || !timed() {
			t.Errorf("after 11 ms: %v, timed %v", done, timed())
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		if !slices.Equal(done, []int{1, 3}) || timed() {
			t.Errorf("after 21 ms: %v, timed %v", done, timed())
		}
	})
}
