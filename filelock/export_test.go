package filelock

import "testing"

// QueueLen is the number of goroutines of this process that wait for path.
func QueueLen(path string) int {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	if q := queues.byPath[path]; q != nil {
		return len(q.waiters)
	}
	return 0
}

// Parked is the number of this process's parkers that block in the kernel.
func Parked() int {
	queues.mu.Lock()
	defer queues.mu.Unlock()
	return queues.parked
}

// SetMaxParked changes the bound on parked threads until the test ends.
func SetMaxParked(t testing.TB, n int) {
	old := maxParked
	set := func(n int) {
		queues.mu.Lock()
		defer queues.mu.Unlock()
		maxParked = n
	}
	set(n)
	t.Cleanup(func() { set(old) })
}

// DescriptorOf is the descriptor that a held Lock locks.
func DescriptorOf(l *Lock) (uintptr, error) {
	f, err := l.holds[0].open()
	if err != nil {
		return 0, err
	}
	return f.Fd(), nil
}

var Shorten = shorten

var FlockError = flockError
