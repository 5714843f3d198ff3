//go:build !linux

package flockwait

// Reserve reports whether the caller may block a thread in the kernel. On this
// system it may not: nothing can call it back.
func Reserve() (free func(), ok bool) { return nil, false }

// SetThreads does nothing: every waiter polls.
func SetThreads(int) int { return 0 }

// Waiting returns 0: no thread waits in the kernel.
func Waiting() int { return 0 }
