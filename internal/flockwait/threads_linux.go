package flockwait

import "sync/atomic"

// threads is the number of threads of this process that wait in the kernel, and maxThreads
// the largest such number.
var threads, maxThreads atomic.Int32

func init() { maxThreads.Store(128) }

// Reserve reports whether the caller may block a thread in a Call. If so, the caller must
// call free after the Call. Otherwise the caller must poll: too many threads already wait,
// or the program ignores the signal that calls them back.
func Reserve() (free func(), ok bool) {
	if threads.Add(1) > maxThreads.Load() || !canBeCalledBack() {
		threads.Add(-1)
		return nil, false
	}
	return func() { threads.Add(-1) }, true
}

// Waiting returns the number of threads that are reserved. It is for tests.
func Waiting() int { return int(threads.Load()) }

// SetThreads changes the largest number of threads, and returns the former number.
// It is for tests: with 0, every waiter polls.
func SetThreads(n int) (former int) { return int(maxThreads.Swap(int32(n))) }
