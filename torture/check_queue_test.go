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

// stoodAt makes a wait one that was seen at the gate for a time.
func stoodAt(from, to int64) func(*operation) {
	return func(o *operation) {
		o.stood.gate, o.flags, o.slept = span{from * 1e6, to * 1e6}, o.flags|toldQueue, o.from+1
	}
}

// stoodAtLock makes a wait one that was seen at the lock for a time.
func stoodAtLock(from, to int64) func(*operation) {
	return func(o *operation) {
		o.stood.lock, o.flags, o.slept = span{from * 1e6, to * 1e6}, o.flags|toldQueue, o.from+1
	}
}

func TestOvertaken(t *testing.T) {
	t.Parallel()
	aJoint := aLock
	aJoint.joint = true
	passed := func(o *operation) { o.from, o.to = 0, 950e6 }
	stopped := &process{number: 7, program: goProgram, stops: []span{{50e6, 60e6}}}
	for _, c := range []historyCase{
		{name: "again and again", object: aLock, broken: "overtaken", ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, stoodAt(50, 199), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "and then its time is over", object: aLock, broken: "overtaken", ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, stoodAt(50, 199), until(85), byCancel))},
		{name: "by waits that may have come first", object: aLock, ops: append(again(carol, opAcquire, 7, -20),
			did(bob, opAcquire, -1000, 200, stoodAt(50, 199), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "by another one of its process", object: aLock, broken: "overtaken", ops: append(again(bob, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, stoodAt(50, 199), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "at the lock", object: aLock, broken: "overtaken", ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, stoodAt(0, 20), stoodAtLock(30, 199), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "but nobody saw it in the queue", object: aLock, ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "but it has just come to the queue", object: aLock, ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, stoodAt(140, 199), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "but it had given up", object: aLock, ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, stoodAt(-60, 45), byCancel))},
		{name: "by tries", object: aLock, ops: append(again(carol, opAcquire, 16, 40, func(o *operation) { o.deadline = o.from + 1 }),
			did(bob, opAcquire, -1000, 200, stoodAt(50, 199), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "by waits that stood in the queue", object: aLock, ops: append(again(carol, opAcquire, 16, 40, func(o *operation) { o.slept = o.from }),
			did(bob, opAcquire, -1000, 200, stoodAt(50, 199), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "by flock(1)", object: aLock, ops: append(again(carol, opAcquire, 16, 40, func(o *operation) { o.flags = byPeer }),
			did(bob, opAcquire, -1000, 200, stoodAt(50, 199), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "although it was stopped", object: aLock, broken: "overtaken", ops: append(again(carol, opAcquire, 16, 40),
			did(stopped, opAcquire, -1000, 200, stoodAt(50, 199), holding(1)), did(stopped, opRelease, 201, 202, holding(1)))},
		{name: "by a process that looks past the gate", object: aLock, ops: append(again(carol, opAcquire, 12, 960),
			did(carol, opAcquire, 0, 0, passed, holding(2)), did(carol, opRelease, 951, 952, holding(2)),
			did(bob, opAcquire, 0, 1200, stoodAt(1, 1199), holding(1)), did(bob, opRelease, 1201, 1202, holding(1)))},
		{name: "by a call for several locks", object: aJoint, ops: append(again(carol, opAcquire, 16, 40),
			did(bob, opAcquire, -1000, 200, stoodAt(50, 199), holding(1)), did(bob, opRelease, 201, 202, holding(1)))},
		{name: "by a slot, which nobody can say", object: aSemaphore, ops: append(again(carol, opAcquire, 16, 40, withFile(1)),
			did(alice, opAcquire, -5, 0, holding(3), withFile(2)), did(alice, opRelease, 203, 204, holding(3)),
			did(bob, opAcquire, -1000, 200, stoodAt(50, 199), holding(1), withFile(1)), did(bob, opRelease, 201, 202, holding(1)))},
	} {
		t.Run(c.name, c.test)
	}
}

// A reader that was at the gate while a writer was at the lock, for which another reader had it.
func TestReadersPastAWriter(t *testing.T) {
	t.Parallel()
	story := func(longUntil, to int64, change ...func(*operation)) []*operation {
		reader := did(carol, opShared, 20, to, append([]func(*operation){stoodAt(50, 1000), holding(3)}, change...)...)
		return []*operation{
			did(alice, opShared, 0, 1, holding(1)), did(alice, opRelease, longUntil, longUntil+1, holding(1)),
			did(bob, opAcquire, 10, 1205, stoodAtLock(40, 1190), holding(2)), did(bob, opRelease, 1206, 1207, holding(2)),
			reader, did(carol, opRelease, to+5, to+6, holding(3)),
		}
	}
	for _, c := range []historyCase{
		{name: "past it", object: aShared, broken: "overtaken", ops: story(1200, 1021)},
		{name: "after it", object: aShared, ops: story(1200, 1240)},
		{name: "by a last try", object: aShared, ops: story(1200, 1021, until(1020))},
		{name: "before the writer was at the lock", object: aShared, ops: story(1200, 1021, stoodAt(10, 30))},
		{name: "while nobody may have had it", object: aShared, ops: story(1010, 1021)},
	} {
		t.Run(c.name, c.test)
	}
}

// While another file is in the place of the gate, waiters do not stand in a queue.
func TestOvertakingWithoutAGate(t *testing.T) {
	t.Parallel()
	for end, broken := range map[int64]string{-1001: "overtaken", -999: ""} {
		s := storyOf(aLock, append(again(carol, opAcquire, 16, 40), did(bob, opAcquire, -1000, 200, stoodAt(50, 199), holding(1)))...)
		s.files.occupations = []occupation{{0, span{-2000e6, end * 1e6}}}
		checkForCase(t, s, broken)
	}
}

// While processes are slow, a gate is removed, and made again, later.
func TestOvertakingOfSlowProcesses(t *testing.T) {
	t.Parallel()
	dave := &process{number: 9, program: goProgram, stops: []span{{-250e6, -240e6}}}
	for _, c := range []struct {
		since  int64
		others map[int]*process
		broken string
	}{{-150, nil, "overtaken"}, {0, nil, ""}, {-300, map[int]*process{9: dave}, ""}} {
		s := storyOf(aLock, append(again(carol, opAcquire, 16, 40), did(bob, opAcquire, -1000, 200, stoodAt(c.since, 199), holding(1)))...)
		s.plan.faults, s.processes = []*fault{{name: slowCalls}}, c.others
		checkForCase(t, s, c.broken)
	}
}

// A fault that makes waiters poll lets them overtake each other.
func TestOvertakingIsExplained(t *testing.T) {
	t.Parallel()
	s := storyOf(aLock, append(again(carol, opAcquire, 16, 40), did(bob, opAcquire, -1000, 200, stoodAt(50, 199), holding(1)))...)
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

// A lookout sees a wait at the gate, and then at the lock, and not after its end.
func TestLookout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Mkdir(objectsPath(dir), 0o755))
	l, err := newLookout(dir)
	must(t, err)
	lock := filepath.Join(l.objects, "a.lock")
	holder, gate := filelock.New(lock), filelock.New(gatePath(lock))
	must(t, holder.Acquire(context.Background()))
	must(t, gate.Acquire(context.Background()))
	c := &client{worker: &worker{lookout: l}, object: aLock}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	result := make(chan error)
	go func() { result <- c.acquireWith(ctx, filelock.New(lock)) }()
	awaitWaiters(t, gatePath(lock))
	l.mustSee(t, func(s standing) bool { return s.gate.to > s.gate.from })
	must(t, gate.Release())
	l.mustSee(t, func(s standing) bool { return s.lock.to > s.lock.from })
	must(t, holder.Release())
	must(t, <-result)
	before := c.queue.stood
	l.look()
	if s := c.queue.stood; s != before || s.gate.to > s.lock.from || s.all() != (span{s.gate.from, s.lock.to}) || len(l.waits) > 0 {
		t.Errorf("%+v, before it %+v, all %+v, waits %v", s, before, s.all(), l.waits)
	}
}

// mustSee looks until the looks have seen something of the only wait.
func (l *lookout) mustSee(t *testing.T, enough func(standing) bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		l.look()
		for w := range l.waits {
			if enough(w.stood) {
				return
			}
		}
	}
	t.Fatal("the looks do not see the wait")
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
