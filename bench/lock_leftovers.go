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

// givenUp is what a process has after its waits have ended without the lock.
// Beside it is one whose waits ended with the lock, all in flock(2) itself,
// since the runtime keeps a thread for every call that was blocked at the same
// time, whatever became of it.
var leftovers = row{
	name:        "leftovers",
	description: "100 waits are given up, one after the other and then all at the same time; and 1000 rounds of a wait that is given up, and a directory that is emptied as soon as all calls have returned",
	peers:       []string{ours, rawFlock, gofrs},
	rounds:      func(s scale) int { return s.leftoverRounds },
	figures: []figure{
		{name: "blocked in flock(2) afterwards, most", unit: count, key: "blocked", reduce: slices.Max[[]float64], pooled: true},
		{name: "blocked in flock(2) after waits for slots, most", unit: count, key: "slots", reduce: slices.Max[[]float64], pooled: true},
		{name: "threads more, after one wait at a time", unit: count, key: "threads", reduce: median},
		{name: "goroutines more", unit: count, key: "goroutines", reduce: median},
		{name: "threads more, after all at the same time", unit: count, key: "crowd", reduce: median},
		{name: "rounds with files made after the return", unit: count, key: "files", reduce: sum, pooled: true},
		{name: "rounds", unit: count, key: "rounds", reduce: sum, pooled: true},
	},
	bounds: []bound{
		{figure: "blocked in flock(2) afterwards, most", limit: 0, text: "none"},
		{figure: "blocked in flock(2) after waits for slots, most", limit: 0, text: "none"},
		{figure: "threads more, after one wait at a time", limit: 0, text: "none"},
		{figure: "goroutines more", limit: 0, text: "none"},
		{figure: "threads more, after all at the same time", against: rawFlock, limit: noBound, text: "for comparison"},
		{figure: "rounds with files made after the return", limit: 0, text: "none"},
	},
	measure: measureGivenUp,
}

func measureGivenUp(b *bench, peer string) (sample, error) {
	p, err := b.role("cancel-and-count", peer, b.lockPath("leftovers"), b.scale.givenUp)
	if err != nil {
		return sample{}, err
	}
	got, err := p.numbers(5)
	if err != nil {
		return sample{}, err
	}
	s := sample{values: map[string][]float64{}}
	for i, what := range []string{"blocked", "threads", "goroutines", "crowd", "slots"} {
		s.values[what] = []float64{float64(got[i])}
	}
	if peer != ours { // the peer has no semaphore
		delete(s.values, "slots")
	}
	if peer == rawFlock { // gives up nothing, and makes no files
		return s, nil
	}
	if p, err = b.role("leftovers", peer, b.lockPath("leftover"), b.scale.leftoverDirs, int64(b.scale.leftoverTime)); err != nil {
		return sample{}, err
	}
	if got, err = p.numbers(1); err != nil {
		return sample{}, err
	}
	s.values["files"], s.values["rounds"] = []float64{float64(got[0])}, []float64{float64(b.scale.leftoverDirs)}
	return s, nil
}

const (
	waitsToWarmUp = 5
	waitTime      = 3 * time.Millisecond  // until a wait is given up
	crowdTime     = 50 * time.Millisecond // the same, of all together: until all of them wait
	quietTime     = 10 * time.Millisecond // until the threads are counted: some may be about to end
)

// giveUpWaits waits for as many locks as it is told, one after the other, and
// for as many again at the same time. It says how many calls are blocked when
// they have returned, and how many threads and goroutines there are more then.
func cancelAndCount(peer, path string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	locks := &heldLocks{path: path}
	for _, together := range []bool{false, true} { // so that what a process starts once has been started
		if _, err := locks.cancelEach(peer, waitsToWarmUp, crowdTime, together); err != nil {
			return err
		}
	}
	before := countThreads()
	alone, err := locks.cancelEach(peer, int(n), waitTime, false)
	if err != nil {
		return err
	}
	between := countThreads()
	together, err := locks.cancelEach(peer, int(n), crowdTime, true)
	if err != nil {
		return err
	}
	after := countThreads()
	atSlots := 0
	if peer == ours {
		if atSlots, err = locks.cancelEach(oursSlots, int(n)/slots, crowdTime, true); err != nil {
			return err
		}
	}
	fmt.Println(max(alone, together), max(0, between.os-before.os), max(0, after.goroutines-before.goroutines), max(0, after.os-between.os), atSlots)
	return nil
}

// heldLocks are locks that this process holds itself and waits for.
type heldLocks struct {
	path string
	made int
}

// waitInVain waits for n new locks, one after the other or at the same time. It
// returns how many calls are blocked when the waits have ended.
func (h *heldLocks) cancelEach(peer string, n int, long time.Duration, together bool) (blocked int, err error) {
	waits := make([]func() error, n)
	for i := range waits {
		h.made++
		if waits[i], err = newCanceledWait(peer, fmt.Sprintf("%s-%d", h.path, h.made), long); err != nil {
			return 0, err
		}
	}
	if err := runAll(waits, together); err != nil {
		return 0, err
	}
	return blockedCalls()
}

// hopelessWait makes a lock that is held as long as this process runs, and
// returns a wait for it that is given up. For flock(2), which cannot give up,
// the lock is released and the wait ends with it.
func newCanceledWait(peer, path string, long time.Duration) (wait func() error, err error) {
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return nil, err
	}
	holder, err := acquireAll(holderFor(peer), path)
	if l.wait == nil {
		return func() error {
			time.AfterFunc(long, func() { holder.release() })
			return errors.Join(l.acquire(), l.release())
		}, err
	}
	return func() error {
		_, err := cancelWait(l, long)
		return err
	}, err
}

// runAll runs functions one after the other, or at the same time.
func runAll(todo []func() error, together bool) error {
	errs := make([]error, len(todo))
	var running sync.WaitGroup
	for i, do := range todo {
		if !together {
			errs[i] = do()
			continue
		}
		running.Go(func() { errs[i] = do() })
	}
	running.Wait()
	return errors.Join(errs...)
}

// blockedHere is the number of files for which calls of this process are blocked
// in flock(2).
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

type threadCount struct{ os, goroutines int }

func countThreads() threadCount {
	time.Sleep(quietTime)
	return threadCount{threads(), runtime.NumGoroutine()}
}

// leaveFiles waits for a lock, gives up, and empties the directory, over and
// over. It says in how many rounds there were files afterwards, soon or when
// everything that happens once a second has happened, or the directory could
// not be emptied.
func checkLeftovers(peer, path string, args []string) error {
	var n, later int64
	if err := numberArgs(args, &n, &later); err != nil {
		return err
	}
	dirs := make([]string, n)
	made := make([]bool, n)
	for i := range dirs {
		dirs[i] = fmt.Sprintf("%s-%d", path, i)
		if err := os.Mkdir(dirs[i], 0o777); err != nil {
			return err
		}
		if err := cancelModes[i%len(cancelModes)].run(peer, filepath.Join(dirs[i], "a.lock")); err != nil {
			return err
		}
		made[i] = empty(dirs[i]) != nil
		time.Sleep(soon)
		made[i] = made[i] || notEmpty(dirs[i])
	}
	sleep(later)
	bad := 0
	for i, dir := range dirs {
		if made[i] || notEmpty(dir) || os.RemoveAll(dir) != nil {
			bad++
		}
	}
	fmt.Println(bad)
	return nil
}

const soon = 2 * time.Millisecond

// empty removes what is in a directory.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

func notEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err != nil || len(entries) > 0
}

// A vain is a way for waits to be given up.
type cancelMode struct {
	goroutines int
	deadline   bool // they end by themselves, after a last try
	race       bool // the lock is released meanwhile, and not afterwards
	slots      bool // of a semaphore, if the peer has one
}

var cancelModes = []cancelMode{{goroutines: 1}, {goroutines: 2}, {goroutines: 1, deadline: true}, {goroutines: 1, race: true}, {goroutines: 1, slots: true}}

// run has goroutines wait for a lock that is held, and give up. All calls have
// returned when it returns, and nobody has the lock.
func (v cancelMode) run(peer, path string) error {
	if v.slots && peer == ours {
		peer = oursSlots
	}
	held, err := acquireAll(peer, path)
	if err != nil {
		return err
	}
	long := randomDelay()
	var calls []func() error
	for range v.goroutines {
		l, err := newPeerLock(peer, path, false)
		if err != nil {
			return err
		}
		calls = append(calls, func() error { return v.wait(l, long) })
	}
	if !v.race {
		return errors.Join(runAll(calls, true), held.release())
	}
	return runAll(append(calls, func() error {
		time.Sleep(long)
		return held.release()
	}), true)
}

// wait is one wait. In a race it may end with the lock.
func (v cancelMode) wait(l peerLock, long time.Duration) (err error) {
	var has bool
	if v.deadline {
		has, err = l.try(long + 1)
	} else {
		_, has, err = acquireCanceled(l, long)
	}
	if has {
		err = errors.Join(err, l.release())
	}
	return err
}

// someShortTime is how long a wait lasts: often it ends before it has begun to
// sleep, where a step that comes too late is most likely.
func randomDelay() time.Duration {
	most := []time.Duration{1, 100 * time.Microsecond, time.Millisecond}
	return rand.N(most[rand.N(len(most))])
}

// holdAll acquires a lock, or all slots.
func acquireAll(peer, path string) (l peerLock, err error) {
	if l, err = newPeerLock(peer, path, false); err != nil {
		return l, err
	}
	n, one := slotsOf(peer), l.release
	for range n {
		err = errors.Join(err, l.acquire())
	}
	l.release = func() (err error) {
		for range n {
			err = errors.Join(err, one())
		}
		return err
	}
	return l, err
}

// holdersOf is how many can have a peer's lock.
func slotsOf(peer string) int {
	if peer == oursSlots {
		return slots
	}
	return 1
}
