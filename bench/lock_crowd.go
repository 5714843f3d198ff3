//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/locktable"
)

// crowd is many goroutines that come one after the other while another process
// holds the lock. One that holds it takes its number and releases it.
var crowd = row{
	name:        "crowd",
	description: "1000 goroutines of one process wait for one path",
	peers:       []string{ours, rawFlock},
	rounds:      func(s scale) int { return s.crowdRounds },
	figures: []figure{
		{name: "threads more than idle, at most", unit: count, key: "threads", reduce: median},
		{name: "not served", unit: count, key: "unserved", reduce: sum, pooled: true},
		{name: "served out of the order of arrival", unit: count, key: "overtakers", reduce: sum, pooled: true},
	},
	bounds: []bound{
		{figure: "threads more than idle, at most", limit: 16, text: "≤ 16"},
		{figure: "not served", limit: 0, text: "everyone"},
		{figure: "served out of the order of arrival", limit: 0, text: "nobody"},
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
	if err := p.send("come"); err != nil {
		return sample{}, err
	}
	if err := p.expect("all wait"); err != nil {
		return sample{}, err
	}
	holder.in.Close() // it releases
	got, err := p.numbers(3)
	if err != nil {
		return sample{}, err
	}
	return sample{values: map[string][]float64{
		"threads":    {float64(got[0])},
		"unserved":   {float64(got[1])},
		"overtakers": {float64(got[2])},
	}}, nil
}

// gather is the process with the goroutines.
func waitInCrowd(peer, path string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	once, err := newPeerLock(peer, path, false) // so that idle is with all that a first use starts
	if err != nil {
		return err
	}
	if err := errors.Join(once.acquire(), once.release()); err != nil {
		return err
	}
	c := &goroutines{idle: threads()}
	fmt.Println("ready")
	if _, err := input.ReadString('\n'); err != nil {
		return err
	}
	for i := range int(n) {
		c.served.Add(1)
		if err := c.come(peer, path, i); err != nil {
			return err
		}
	}
	c.countThreads()
	fmt.Println("all wait")
	c.wait()
	fmt.Println(c.most-c.idle, int(n)-len(c.order), c.overtakers())
	return c.failed
}

// goroutines are those that wait, and what is seen of them.
type goroutines struct {
	idle   int
	served sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	most   int        // threads
	order  []int      // who was served, in that order
	failed error
}

// come starts a goroutine and returns when it stands in the queue.
func (c *goroutines) come(peer, path string, i int) error {
	if peer == ours {
		waits := make(chan struct{})
		ctx := onWait(context.Background(), func() { close(waits) })
		l := filelock.New(path)
		go c.serve(i, func() error { return l.Acquire(ctx) }, l.Release)
		if err := await(waits); err != nil {
			return err
		}
		return awaitParked()
	}
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	go c.serve(i, l.acquire, l.release)
	return awaitBlocked(path, i+1)
}

// serve is one goroutine.
func (c *goroutines) serve(i int, acquire, release func() error) {
	defer c.served.Done()
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
		c.failed = err
		c.mu.Unlock()
	}
}

// wait waits until all are served, or as long as patience lasts: who is not
// served then is counted as such.
func (c *goroutines) wait() {
	done := make(chan struct{})
	go func() {
		c.served.Wait()
		close(done)
	}()
	await(done)
	c.mu.Lock() // for good: the order is not to change any more
}

func (c *goroutines) countThreads() {
	n := threads()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = max(c.most, n)
}

// overtakers counts those who were served right after one that came later.
func (c *goroutines) overtakers() (n int) {
	for i, who := range c.order {
		if i > 0 && who < c.order[i-1] {
			n++
		}
	}
	return n
}

var errTimedOut = errors.New("timed out")

func await(c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-time.After(maxWait / 2):
		return errTimedOut
	}
}

// awaitParked waits until no goroutine but this one runs or is about to: one that
// has asked for the end of its context may not stand in the queue yet.
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

// awaitBlocked waits until the kernel has n blocked calls for the file.
func awaitBlocked(path string, n int) error {
	for deadline := time.Now().Add(maxWait / 2); time.Now().Before(deadline); {
		blocked, err := locktable.Waiters(path)
		if err != nil || blocked >= n {
			return err
		}
	}
	return errTimedOut
}

// threads is the number of this process's operating-system threads.
func threads() int {
	n, err := threadsOf(os.Getpid())
	if err != nil {
		panic(err)
	}
	return n
}
