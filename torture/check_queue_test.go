//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/locktable"
)

// again returns n holds of a millisecond, one every ten milliseconds.
func again(by *process, op opcode, n int, from int64, change ...func(*operation)) (ops []*operation) {
	change = append([]func(*operation){func(o *operation) { o.flags = toldQueue }}, change...)
	for i := range int64(n) {
		at, hold := from+10*i, holding(uint64(1000+from+i))
		ops = append(ops, did(by, op, at, at+1, append(slices.Clone(change), hold)...), did(by, opRelease, at+2, at+3, hold))
	}
	return ops
}

// queuedAt makes a wait one that went to the gate then.
func queuedAt(ms int64) func(*operation) {
	return func(o *operation) { o.slept, o.flags = ms*1e6, o.flags|toldQueue }
}

func TestOvertaken(t *testing.T) {
	t.Parallel()
	aJoint := aLock
	aJoint.joint = true
	passed := func(o *operation) { o.from, o.to = 0, 950e6 }
	stopped := &process{number: 7, program: goProgram, stops: []span{{50e6, 60e6}}}
	for _, c := range []historyCase{
		{name: "again and again", object: aLock, broken: "overtaken", ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, queuedAt(-899), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "and then its time is over", object: aLock, broken: "overtaken", ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, queuedAt(-899), until(85), byCancel))},
		{name: "by waits that may have come first", object: aLock, ops: append(again(carol, opAcquire, 7, -20),
			did(bob, opAcquire, -1000, 200, queuedAt(-899), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "by another one of its process", object: aLock, broken: "overtaken", ops: append(again(bob, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, queuedAt(-899), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "but it had not had its turn", object: aLock, ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, 0, 200, queuedAt(100), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "by tries", object: aLock, ops: append(again(carol, opAcquire, 16, 40, func(o *operation) { o.deadline = o.from + 1 }),
			did(bob, opAcquire, -1000, 200, queuedAt(-899), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "by waits that stood in the queue", object: aLock, ops: append(again(carol, opAcquire, 16, 40, func(o *operation) { o.slept = o.from }),
			did(bob, opAcquire, -1000, 200, queuedAt(-899), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "by flock(1)", object: aLock, ops: append(again(carol, opAcquire, 16, 40, func(o *operation) { o.flags = byPeer }),
			did(bob, opAcquire, -1000, 200, queuedAt(-899), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "while it was stopped", object: aLock, ops: append(again(carol, opAcquire, 16, 40),
			did(stopped, opAcquire, -1000, 200, queuedAt(-899), holding(1)), did(stopped, opRelease, 201, 202, holding(1)))},
		{name: "by a process that looks past the gate", object: aLock, ops: append(again(carol, opAcquire, 12, 960),
			did(carol, opAcquire, 0, 0, passed, holding(2)), did(carol, opRelease, 951, 952, holding(2)),
			did(bob, opAcquire, 0, 1200, queuedAt(1), holding(1)), did(bob, opRelease, 1201, 1202, holding(1)))},
		{name: "by a call for several locks", object: aJoint, ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, queuedAt(-899), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "by a slot, which nobody can say", object: aSemaphore, ops: append(again(carol, opAcquire, 16, 40, withFile(1)),
			did(alice, opAcquire, -5, 0, holding(3), withFile(2)), did(alice, opRelease, 203, 204, holding(3)),
			did(bob, opAcquire, -1000, 200, queuedAt(-899), holding(1), withFile(1)), did(bob, opRelease, 201, 202, holding(1)))},
	} {
		t.Run(c.name, c.test)
	}
}

// A fault that makes waiters poll lets them overtake each other.
func TestOvertakingIsExplained(t *testing.T) {
	t.Parallel()
	s := storyOf(aLock, append(again(carol, opAcquire, 16, 40), did(bob, opAcquire, -1000, 200, queuedAt(-899), holding(1)))...)
	s.plan.faults = []*fault{{overtakes: true}}
	if v := checkStory(s, ""); len(v.violations) > 0 {
		t.Error(v.violations)
	}
}

// While dave, at the head of the queue, is stopped from 0 to 4000 ms, the others must get the
// lock.
func TestHeads(t *testing.T) {
	t.Parallel()
	dave := &process{number: 9, program: goProgram, stops: []span{{-1e6, 4001e6}}}
	head := did(dave, opAcquire, -10, 4005, holding(1))
	passes := []*operation{did(bob, opAcquire, 10, 1012, holding(2)), did(bob, opRelease, 1020, 1021, holding(2))}
	for _, c := range []struct {
		name   string
		ops    []*operation
		stalls []stall
		broken bool
	}{
		{name: "a waiter looks after a second", ops: passes},
		{name: "a waiter does not look", ops: []*operation{did(bob, opAcquire, 10, 2500, holding(2)), did(bob, opRelease, 2501, 2502, holding(2))}, broken: true},
		{name: "a waiter does not look, and gives up", ops: []*operation{did(bob, opAcquire, 10, 2500, became(timedOut), until(2499))}, broken: true},
		{name: "a waiter that did not run", ops: []*operation{did(bob, opAcquire, 10, 2500, holding(2)), did(bob, opRelease, 2501, 2502, holding(2))},
			stalls: []stall{{bob, span{1000e6, 2000e6}}}},
		{name: "somebody may have it", ops: []*operation{
			did(bob, opAcquire, 10, 2500, holding(2)), did(bob, opRelease, 2501, 2502, holding(2)),
			did(killedBetween(2400, 2410), opAcquire, 0, openEnd),
		}},
		{name: "the next of its process goes on at once", ops: append(passes,
			did(bob, opAcquire, 11, 1030, holding(3)), did(bob, opRelease, 1031, 1032, holding(3)))},
		{name: "the next of its process waits for its own look", ops: append(passes,
			did(bob, opAcquire, 11, 2013, holding(3)), did(bob, opRelease, 2031, 2032, holding(3))), broken: true},
		{name: "another process waits for its own look", ops: append(passes,
			did(carol, opAcquire, 11, 2013, holding(3)), did(carol, opRelease, 2031, 2032, holding(3)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := storyOf(aLock, append(slices.Clone(c.ops), head)...)
			s.heads = []headStop{{0, dave, span{0, 4000e6}}}
			s.stalls = append(c.stalls, stall{dave, dave.stops[0]})
			v := checkStory(s, "")
			if found := len(v.violations) > 0 && v.violations[0].check == "idle"; found != c.broken {
				t.Errorf("%v", v.violations)
			}
		})
	}
}

// A wait asks for Done for the third time before it waits at the gate, and not after that.
func TestQueueContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.lock")
	holder, head := filelock.New(path), filelock.New(path)
	must(t, holder.Acquire(context.Background()))
	var waits sync.WaitGroup
	defer waits.Wait()
	defer holder.Release()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	waits.Go(func() { head.Acquire(ctx) })
	awaitWaiters(t, path)
	dir, err := os.Getwd()
	must(t, err)
	relative, err := filepath.Rel(dir, path) // another path, which has another turn
	must(t, err)
	queue := &queueContext{Context: ctx}
	waits.Go(func() { filelock.New(relative).Acquire(queue) })
	awaitWaiters(t, gatePath(path))
	if n, at := queue.asked.Load(), queue.queues.Load(); n != 3 || at == 0 {
		t.Errorf("asked %d times before it waits at the gate", n)
	}
}

func awaitWaiters(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if n, err := locktable.Waiters(path); n > 0 || err != nil {
			must(t, err)
			return
		}
	}
	t.Fatalf("no process waits for %s", path)
}
