//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/locktable"
)

// leftovers measures what canceled waits leave in a process and in a directory.
// The waits of flock(2) cannot be canceled, so they end with a release. They
// show how many threads the Go runtime keeps: one for each call that was blocked
// at the same time, however the call ended.
var leftovers = row{
	name:        "leftovers",
	description: "100 waits are canceled one after the other, and then 100 at once; then 1000 rounds in which waits are canceled and the directory is emptied as soon as all calls have returned",
	peers:       []string{ours, rawFlock, gofrs},
	rounds:      func(s scale) int { return s.leftoverRounds },
	figures: []figure{
		{name: "blocked flock(2) calls, max", unit: count, key: "blocked", reduce: slices.Max[[]float64], pooled: true},
		{name: "blocked flock(2) calls after waits for slots, max", unit: count, key: "slots", reduce: slices.Max[[]float64], pooled: true},
		{name: "extra threads, one wait at a time", unit: count, key: "threads", reduce: median},
		{name: "extra goroutines", unit: count, key: "goroutines", reduce: median},
		{name: "extra threads, all waits at once", unit: count, key: "crowd", reduce: median},
		{name: "rounds with leftover files", unit: count, key: "files", reduce: sum, pooled: true},
		{name: "rounds", unit: count, key: "rounds", reduce: sum, pooled: true},
	},
	bounds: []bound{
		{figure: "blocked flock(2) calls, max", limit: 0, text: "none"},
		{figure: "blocked flock(2) calls after waits for slots, max", limit: 0, text: "none"},
		{figure: "extra threads, one wait at a time", limit: 0, text: "none"},
		{figure: "extra goroutines", limit: 0, text: "none"},
		{figure: "extra threads, all waits at once", against: rawFlock, limit: noBound, text: "for comparison"},
		{figure: "rounds with leftover files", limit: 0, text: "none"},
	},
	measure: measureLeftovers,
}

func measureLeftovers(b *bench, peer string) (sample, error) {
	p, err := b.role("cancel-and-count", peer, b.lockPath("leftovers"), b.scale.leftoverWaits)
	if err != nil {
		return sample{}, err
	}
	got, err := p.numbers(5)
	if err != nil {
		return sample{}, err
	}
	s := sample{values: map[string][]float64{}}
	for i, key := range []string{"blocked", "threads", "goroutines", "crowd", "slots"} {
		s.values[key] = []float64{float64(got[i])}
	}
	if peer != ours { // the peers have no semaphore
		delete(s.values, "slots")
	}
	if peer == rawFlock { // it cannot cancel, and makes no other files
		return s, nil
	}
	if p, err = b.role("leftover-files", peer, b.lockPath("leftover-files"), b.scale.leftoverDirs, int64(b.scale.leftoverTime)); err != nil {
		return sample{}, err
	}
	files, err := p.number()
	if err != nil {
		return sample{}, err
	}
	s.values["files"], s.values["rounds"] = []float64{float64(files)}, []float64{float64(b.scale.leftoverDirs)}
	return s, nil
}

const (
	waitsToWarmUp   = 5
	waitTime        = 3 * time.Millisecond  // from the start of a wait to its cancellation
	crowdTime       = 50 * time.Millisecond // the same for waits at once, so that all of them have begun
	threadsExitTime = 10 * time.Millisecond // for threads that are about to exit, before threads are counted
)

// cancelAndCount cancels n waits one after the other, and n waits at once. It
// prints how many calls of flock(2) are blocked afterwards, and how many threads
// and goroutines there are more than before.
func cancelAndCount(peer, path string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	locks := &heldLocks{path: path}
	for _, atOnce := range []bool{false, true} { // threads and goroutines of a first use do not count
		if _, err := locks.cancelWaits(peer, waitsToWarmUp, crowdTime, atOnce); err != nil {
			return err
		}
	}
	before := countThreads()
	blocked, err := locks.cancelWaits(peer, int(n), waitTime, false)
	if err != nil {
		return err
	}
	between := countThreads()
	blockedAtOnce, err := locks.cancelWaits(peer, int(n), crowdTime, true)
	if err != nil {
		return err
	}
	after := countThreads()
	blockedSlots := 0
	if peer == ours {
		if blockedSlots, err = locks.cancelWaits(oursSlots, int(n)/slots, crowdTime, true); err != nil {
			return err
		}
	}
	fmt.Println(max(blocked, blockedAtOnce), max(0, between.threads-before.threads), max(0, after.goroutines-before.goroutines), max(0, after.threads-between.threads), blockedSlots)
	return nil
}

// heldLocks makes locks that this process holds itself and also waits for.
type heldLocks struct {
	path string
	made int
}

// cancelWaits waits for n new locks, one after the other or at once, and cancels
// the waits. It returns how many calls of flock(2) are blocked afterwards.
func (h *heldLocks) cancelWaits(peer string, n int, after time.Duration, atOnce bool) (blocked int, err error) {
	waits := make([]func() error, n)
	for i := range waits {
		h.made++
		if waits[i], err = newCanceledWait(peer, fmt.Sprintf("%s-%d", h.path, h.made), after); err != nil {
			return 0, err
		}
	}
	if err := runAll(waits, atOnce); err != nil {
		return 0, err
	}
	return blockedCalls()
}

// newCanceledWait makes a lock that is held until this process ends, and returns
// a function that waits for it and cancels the wait. A wait of flock(2) cannot be
// canceled, so there the function releases the lock.
func newCanceledWait(peer, path string, after time.Duration) (wait func() error, err error) {
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return nil, err
	}
	holder, err := acquireAll(holderFor(peer), path)
	if l.wait == nil {
		return func() error {
			time.AfterFunc(after, func() { holder.release() })
			return errors.Join(l.acquire(), l.release())
		}, err
	}
	return func() error {
		_, err := cancelWait(l, after)
		return err
	}, err
}

// runAll runs functions one after the other or at once.
func runAll(todo []func() error, atOnce bool) error {
	errs := make([]error, len(todo))
	var running sync.WaitGroup
	for i, do := range todo {
		if !atOnce {
			errs[i] = do()
			continue
		}
		running.Go(func() { errs[i] = do() })
	}
	running.Wait()
	return errors.Join(errs...)
}

// blockedCalls returns the number of files on which calls of this process are
// blocked in flock(2).
func blockedCalls() (n int, err error) {
	table, err := locktable.Read(1)
	for _, locks := range table {
		for _, l := range locks {
			if l.PID == os.Getpid() && l.Waits && !l.POSIX {
				n++
			}
		}
	}
	return n, err
}

type threadCount struct{ threads, goroutines int }

func countThreads() threadCount {
	time.Sleep(threadsExitTime)
	return threadCount{threads(), runtime.NumGoroutine()}
}

// checkLeftoverFiles makes n directories. In each, it cancels waits for a lock
// and then empties the directory. It prints the number of directories that could
// not be emptied or were not empty later: after leftoverDelay, and once more
// after the time in its arguments, when work that runs once a second has run.
func checkLeftoverFiles(peer, path string, args []string) error {
	var n, later int64
	if err := numberArgs(args, &n, &later); err != nil {
		return err
	}
	dirs := make([]string, n)
	bad := make([]bool, n)
	for i := range dirs {
		dirs[i] = fmt.Sprintf("%s-%d", path, i)
		if err := os.Mkdir(dirs[i], 0o777); err != nil {
			return err
		}
		if err := cancelModes[i%len(cancelModes)].run(peer, filepath.Join(dirs[i], "a.lock")); err != nil {
			return err
		}
		bad[i] = emptyDir(dirs[i]) != nil
		time.Sleep(leftoverDelay)
		bad[i] = bad[i] || hasFiles(dirs[i])
	}
	sleep(later)
	total := 0
	for i, dir := range dirs {
		if bad[i] || hasFiles(dir) || os.RemoveAll(dir) != nil {
			total++
		}
	}
	fmt.Println(total)
	return nil
}

const leftoverDelay = 2 * time.Millisecond

// emptyDir removes everything in a directory.
func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// hasFiles also returns true if the directory cannot be read.
func hasFiles(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err != nil || len(entries) > 0
}

// A cancelMode is a way to cancel waits.
type cancelMode struct {
	goroutines int
	deadline   bool // the waits end at a deadline, after a last try
	race       bool // the holder releases the lock at the same time, not afterwards
	slots      bool // the wait is for a slot, if the peer has a semaphore
}

var cancelModes = []cancelMode{{goroutines: 1}, {goroutines: 2}, {goroutines: 1, deadline: true}, {goroutines: 1, race: true}, {goroutines: 1, slots: true}}

// run acquires a lock, starts goroutines that wait for it, and cancels the waits.
// When it returns, all calls have returned and the lock is free.
func (m cancelMode) run(peer, path string) error {
	if m.slots && peer == ours {
		peer = oursSlots
	}
	held, err := acquireAll(peer, path)
	if err != nil {
		return err
	}
	delay := randomDelay()
	var calls []func() error
	for range m.goroutines {
		l, err := newPeerLock(peer, path, false)
		if err != nil {
			return err
		}
		calls = append(calls, func() error { return m.wait(l, delay) })
	}
	if !m.race {
		return errors.Join(runAll(calls, true), held.release())
	}
	return runAll(append(calls, func() error {
		time.Sleep(delay)
		return held.release()
	}), true)
}

// wait is one canceled wait. In a race it may acquire the lock, and then it
// releases the lock.
func (m cancelMode) wait(l peerLock, after time.Duration) (err error) {
	var acquired bool
	if m.deadline {
		acquired, err = l.tryFor(after + 1)
	} else {
		_, acquired, err = acquireCanceled(l, after)
	}
	if acquired {
		err = errors.Join(err, l.release())
	}
	return err
}

// randomDelay returns at most 1 ms, often much less: a wait that is canceled
// while it begins is the most likely to leave something behind.
func randomDelay() time.Duration {
	limits := []time.Duration{1, 100 * time.Microsecond, time.Millisecond}
	return rand.N(limits[rand.N(len(limits))])
}

// acquireAll acquires a lock, or all slots of a semaphore. Its release releases
// all of them.
func acquireAll(peer, path string) (l peerLock, err error) {
	if l, err = newPeerLock(peer, path, false); err != nil {
		return l, err
	}
	n, releaseOne := slotsOf(peer), l.release
	for range n {
		err = errors.Join(err, l.acquire())
	}
	l.release = func() (err error) {
		for range n {
			err = errors.Join(err, releaseOne())
		}
		return err
	}
	return l, err
}

// slotsOf returns how many holders a peer's lock can have at once.
func slotsOf(peer string) int {
	if peer == oursSlots {
		return slots
	}
	return 1
}
