package later

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Do is called once for each thing, in time, unless the thing was removed. The timer stops
// after a period in which nothing was added.
func TestCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var done []int
		start := time.Now()
		l := Calls[int]{After: 5 * time.Millisecond, Every: 10 * time.Millisecond}
		l.Do = func(n int) {
			mu.Lock()
			defer mu.Unlock()
			done = append(done, n)
			if at := time.Since(start); at != 10*time.Millisecond && at != 20*time.Millisecond {
				t.Errorf("Do(%d) after %v", n, at)
			}
		}
		timed := func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.timed
		}
		l.Add(1)
		l.Add(2)
		l.Remove(2)
		time.Sleep(8 * time.Millisecond)
		l.Add(3) // too young for the first Flush
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
