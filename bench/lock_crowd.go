//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/locktable"
)

// crowd measures many goroutines that begin to wait one after the other while
// another process holds the lock. When a goroutine gets the lock, it notes that and
// releases the lock.
var crowd = row{
	name:        "crowd",
	description: "1000 goroutines of one process wait for one lock",
	peers:       []string{ours, rawFlock},
	rounds:      func(s scale) int { return s.crowdRounds },
	figures: []figure{
		{name: "extra threads, max", unit: count, key: "threads", reduce: median},
		{name: "goroutines that did not acquire", unit: count, key: "missing", reduce: sum, pooled: true},
		{name: "goroutines that acquired out of order", unit: count, key: "disorder", reduce: sum, pooled: true},
	},
	bounds: []bound{
		{figure: "extra threads, max", limit: 16, text: "≤ 16"},
		{figure: "goroutines that did not acquire", limit: 0, text: "none"},
		{figure: "goroutines that acquired out of order", limit: 0, text: "none"},
	},
	measure: measureCrowd,
}

func measureCrowd(b *bench, peer string) (sample, error) {
	path := b.lockPath("crowd")
	p, err := b.startReady(b.roleCommand("crowd", peer, path, b.scale.crowd))
	if err != nil {
		return sample{}, err
	}
	holder, err := b.holder(peer, path)
	if err != nil {
		return sample{}, err
	}
	if err := p.send("wait"); err != nil {
		return sample{}, err
	}
	if err := p.expect("all wait"); err != nil {
		return sample{}, err
	}
	holder.in.Close() // the holder releases the lock
	got, err := p.numbers(3)
	if err != nil {
		return sample{}, err
	}
	return sample{values: map[string][]float64{
		"threads":  {float64(got[0])},
		"missing":  {float64(got[1])},
		"disorder": {float64(got[2])},
	}}, nil
}

// waitInCrowd is the process with the goroutines.
func waitInCrowd(peer, path string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	first, err := newPeerLock(peer, path, false) // the threads that the first use starts do not count
	if err != nil {
		return err
	}
	if err := errors.Join(first.acquire(), first.release()); err != nil {
		return err
	}
	idle := threads()
	c := &crowdState{}
	fmt.Println("ready")
	if _, err := input.ReadString('\n'); err != nil {
		return err
	}
	for i := range int(n) {
		if err := c.startWaiter(peer, path, i); err != nil {
			return err
		}
	}
	c.countThreads()
	fmt.Println("all wait")
	c.finish()
	fmt.Println(c.threads-idle, int(n)-len(c.order), outOfOrder(c.order))
	return c.err
}

// crowdState is what the goroutines of waitInCrowd share.
type crowdState struct {
	running sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	threads int        // the largest number seen
	order   []int      // the numbers of the goroutines, as they acquired the lock
	err     error
}

// startWaiter starts goroutine i, and returns when the goroutine has its place in the
// queue.
func (c *crowdState) startWaiter(peer, path string, i int) error {
	c.running.Add(1)
	if peer == ours {
		waits := make(chan struct{})
		ctx := onWait(context.Background(), func() { close(waits) })
		l := filelock.New(path)
		go c.acquireOnce(i, func() error { return l.Acquire(ctx) }, l.Release)
		if err := awaitClosed(waits); err != nil {
			return err
		}
		return awaitParked()
	}
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	go c.acquireOnce(i, l.acquire, l.release)
	return awaitBlocked(path, i+1)
}

func (c *crowdState) acquireOnce(i int, acquire, release func() error) {
	defer c.running.Done()
	err := acquire()
	if err == nil {
		c.mu.Lock()
		c.order = append(c.order, i)
		c.mu.Unlock()
		if i%10 == 0 {
			c.countThreads()
		}
		err = release()
	}
	if err != nil {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
	}
}

// finish waits for the goroutines, but not longer than maxWait/2. The goroutines
// that still wait then count as missing.
func (c *crowdState) finish() {
	done := make(chan struct{})
	go func() {
		c.running.Wait()
		close(done)
	}()
	awaitClosed(done)
	c.mu.Lock() // for ever: later goroutines must not change the result
}

func (c *crowdState) countThreads() {
	n := threads()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.threads = max(c.threads, n)
}

// outOfOrder counts the numbers that come right after a larger one.
func outOfOrder(order []int) (n int) {
	for i := 1; i < len(order); i++ {
		if order[i] < order[i-1] {
			n++
		}
	}
	return n
}

func awaitClosed(c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-time.After(maxWait / 2):
		return errTimedOut
	}
}

// awaitParked waits until this goroutine is the only one that runs or is ready to
// run. A goroutine that has called Done still has to enter the queue; when it does not
// run any more, it is in the queue.
func awaitParked() error {
	seen := []metrics.Sample{{Name: "/sched/goroutines/running:goroutines"}, {Name: "/sched/goroutines/runnable:goroutines"}}
	for deadline := time.Now().Add(maxWait / 2); time.Now().Before(deadline); time.Sleep(10 * time.Microsecond) {
		metrics.Read(seen)
		if seen[0].Value.Kind() != metrics.KindUint64 { // before Go 1.26
			time.Sleep(time.Millisecond)
			return nil
		}
		if seen[0].Value.Uint64() <= 1 && seen[1].Value.Uint64() == 0 {
			return nil
		}
	}
	return errTimedOut
}

// awaitBlocked waits until n calls of flock(2) are blocked for the file.
func awaitBlocked(path string, n int) error {
	for deadline := time.Now().Add(maxWait / 2); time.Now().Before(deadline); {
		blocked, err := locktable.Waiters(path)
		if err != nil || blocked >= n {
			return err
		}
	}
	return errTimedOut
}
