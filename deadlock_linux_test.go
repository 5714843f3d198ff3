package fsync_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// holdByTool starts flock(1) with a script, which prints "held", waits for a line on
// stdin and then runs the command next under the lock.
func holdByTool(t testing.TB, path, next string) *testproc.Proc {
	t.Helper()
	return testproc.StartCmd(t, exec.Command(need(t, "flock"), "--no-fork", path, "sh", "-c", "echo held; read x; exec "+next))
}

// Three processes wait for each other, and a fourth one waits for one of them.
func TestDeadlocks(t *testing.T) {
	t.Parallel()
	m := open(t, t.TempDir())
	path := func(name string) string { return filepath.Join(m.Dir(), name+".lock") }
	var procs []*testproc.Proc
	names := []string{"a", "b", "c"}
	for i, name := range names {
		next := path(names[(i+1)%len(names)])
		procs = append(procs, holdByTool(t, path(name), "flock "+next+" true"))
	}
	for _, p := range procs {
		p.Expect("held")
	}
	for i, p := range procs {
		if deadlocks := fsync.Deadlocks(mustList(t, m)); len(deadlocks) != 0 {
			t.Errorf("%d wait: %+v", i, deadlocks)
		}
		p.Send("go on")
		testproc.AwaitWaiters(t, path(names[(i+1)%len(names)]), 1)
	}
	testproc.StartCmd(t, exec.Command("flock", path("a"), "true"))
	testproc.AwaitWaiters(t, path("a"), 2)
	deadlocks := fsync.Deadlocks(mustList(t, m))
	if len(deadlocks) != 1 || len(deadlocks[0]) != 3 {
		t.Fatalf("deadlocks: %+v", deadlocks)
	}
	for i, link := range deadlocks[0] {
		next := deadlocks[0][(i+1)%3]
		if len(link.WaitsFor.Holders) != 1 || link.WaitsFor.Holders[0].PID != next.PID || !strings.HasPrefix(link.Command, "flock ") {
			t.Errorf("link %d: %+v; next %+v", i, link, next)
		}
	}
	procs[1].Kill()
	testproc.Until(t, "no deadlock", func() bool { return len(fsync.Deadlocks(mustList(t, m))) == 0 })
}

// A process that holds a lock and waits for it in another goroutine is not in a deadlock.
func TestNoDeadlockOfGoroutines(t *testing.T) {
	t.Parallel()
	m := open(t, t.TempDir())
	one, two := lock(t, m.Dir(), "a"), lock(t, m.Dir(), "a")
	mustTry(t, one, true)
	result := make(chan error)
	go func() { result <- two.Acquire(context.Background()) }()
	testproc.AwaitWaiters(t, one.Path(), 1)
	list := mustList(t, m)
	if len(list) != 1 || len(list[0].Waiters) != 1 {
		t.Fatalf("list: %+v", list)
	}
	if deadlocks := fsync.Deadlocks(list); len(deadlocks) != 0 {
		t.Errorf("deadlocks: %+v", deadlocks)
	}
	if err := one.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
}

// A wait for a semaphore ends when one holder releases its slot. A wait for a lock ends
// when all holders have released it.
func TestDeadlocksThroughSemaphores(t *testing.T) {
	t.Parallel()
	holders := func(pids ...int) (list []filelock.Holder) {
		for _, pid := range pids {
			list = append(list, filelock.Holder{PID: pid})
		}
		return list
	}
	slots := func(pids ...int) []filelock.Holder { // each in a slot of its own
		list := holders(pids...)
		for i := range list {
			list[i].Slot = i + 1
		}
		return list
	}
	waiters := func(pids ...int) (list []filelock.Waiter) {
		for _, pid := range pids {
			list = append(list, filelock.Waiter{PID: pid})
		}
		return list
	}
	lock := fsync.Entry{Kind: fsync.KindLock, Name: "lock", State: filelock.State{Holders: holders(1), Waiters: waiters(2)}}
	shared := fsync.Entry{Kind: fsync.KindLock, Name: "shared", State: filelock.State{Holders: holders(2, 3), Waiters: waiters(1)}}
	sem := fsync.Entry{Kind: fsync.KindSemaphore, Name: "sem", Slots: 2, State: filelock.State{Holders: slots(2, 3), Waiters: waiters(1)}}
	full := fsync.Entry{Kind: fsync.KindSemaphore, Name: "full", Slots: 1, State: filelock.State{Holders: slots(2), Waiters: waiters(1)}}
	inherited := fsync.Entry{Kind: fsync.KindSemaphore, Name: "inherited", Slots: 1, State: filelock.State{Holders: slots(2), Waiters: waiters(1)}}
	inherited.Holders = append(inherited.Holders, filelock.Holder{PID: 3, Slot: 1})
	unseen := fsync.Entry{Kind: fsync.KindSemaphore, Name: "unseen", Slots: 2, State: filelock.State{Holders: slots(2), Waiters: waiters(1)}}
	unused := fsync.Entry{Kind: fsync.KindSemaphore, Name: "unused", State: filelock.State{Waiters: waiters(1)}}
	unknown := fsync.Entry{Kind: fsync.KindLock, Name: "unknown", State: filelock.State{Holders: holders(0), Waiters: waiters(2)}}
	another := fsync.Entry{Kind: fsync.KindLock, Name: "another", State: filelock.State{Holders: holders(2), Waiters: waiters(0)}}
	hidden := fsync.Entry{Kind: fsync.KindLock, Name: "hidden", State: filelock.State{Holders: holders(2, 0), Waiters: waiters(0, 1)}}
	for _, c := range []struct {
		entries []fsync.Entry
		want    int
	}{
		{[]fsync.Entry{lock, shared}, 1},
		{[]fsync.Entry{lock, sem}, 0}, // 3 may release its slot
		{[]fsync.Entry{lock, full}, 1},
		{[]fsync.Entry{lock, inherited}, 1}, // 3 cannot release it alone
		{[]fsync.Entry{lock, unseen}, 0},
		{[]fsync.Entry{lock, hidden}, 1},
		{[]fsync.Entry{lock, unused}, 0},
		{[]fsync.Entry{unknown, another}, 0}, // two processes without a PID are not one
		{[]fsync.Entry{lock}, 0},
		{nil, 0},
	} {
		if deadlocks := fsync.Deadlocks(c.entries); len(deadlocks) != c.want {
			t.Errorf("%+v: deadlocks %+v", c.entries, deadlocks)
		}
	}
}

// A line of processes, each of which waits for the next, is no deadlock if the last one does
// not wait.
func TestNoDeadlockOfALine(t *testing.T) {
	t.Parallel()
	var entries []fsync.Entry
	for pid := range 30 {
		entries = append(entries, fsync.Entry{Kind: fsync.KindLock, State: filelock.State{
			Holders: []filelock.Holder{{PID: pid + 2}}, Waiters: []filelock.Waiter{{PID: pid + 1}},
		}})
	}
	if deadlocks := fsync.Deadlocks(entries); len(deadlocks) != 0 {
		t.Errorf("deadlocks: %+v", deadlocks)
	}
}

// A process waits for its ancestor, and perhaps also for a process that waits for it. The
// ancestor is the reason, because the deadlock lasts even if the other process gives up.
func TestDeadlockWithAnAncestor(t *testing.T) {
	t.Parallel()
	mine := fsync.Entry{Kind: fsync.KindLock, Name: "mine", State: filelock.State{
		Holders: []filelock.Holder{{PID: 3}}, Waiters: []filelock.Waiter{{PID: 2}},
	}}
	for _, holders := range [][]filelock.Holder{{{PID: 1}}, {{PID: 2}, {PID: 1}}, {{PID: 1}, {PID: 2}}} {
		shared := fsync.Entry{Kind: fsync.KindLock, Name: "shared", State: filelock.State{
			Holders: holders, Waiters: []filelock.Waiter{{PID: 3, Nested: []int{1}}},
		}}
		deadlocks := fsync.Deadlocks([]fsync.Entry{shared, mine})
		if len(deadlocks) != 1 || len(deadlocks[0]) != 1 || deadlocks[0][0].PID != 3 || deadlocks[0][0].HeldBy != 1 || deadlocks[0][0].WaitsFor.Name != "shared" {
			t.Errorf("held by %+v: deadlocks %+v", holders, deadlocks)
		}
	}
}

// A process that waits for a lock that its ancestor holds, or that it inherited, is in a
// deadlock. A second process that waits for the same lock is not.
func TestNestedWrapper(t *testing.T) {
	t.Parallel()
	need(t, "flock")
	for name, argv := range map[string][]string{
		"inherited":           {"flock", "a.lock", "flock", "a.lock", "true"},
		"not inherited":       {"flock", "--close", "a.lock", "sh", "-c", "flock a.lock true; true"},
		"by a descriptor":     {"sh", "-c", "exec 9>a.lock; flock 9; flock a.lock true; true"},
		"through a semaphore": {"flock", "s.sem/1", "flock", "s.sem/1", "true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t, t.TempDir())
			file := filepath.Join(m.Dir(), "a.lock")
			if name == "through a semaphore" {
				s := semaphore(t, m, "s", 1)
				if err := s.Resize(1); err != nil { // this creates its files
					t.Fatal(err)
				}
				file = filepath.Join(s.Path(), "1")
			}
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Dir = m.Dir()
			testproc.StartCmd(t, cmd)
			testproc.AwaitWaiters(t, file, 1)
			testproc.StartCmd(t, exec.Command("flock", file, "true"))
			testproc.AwaitWaiters(t, file, 2)
			list := mustList(t, m)
			deadlocks := fsync.Deadlocks(list)
			if len(deadlocks) != 1 || len(deadlocks[0]) != 1 {
				t.Fatalf("deadlocks %+v of %v", deadlocks, list)
			}
			link := deadlocks[0][0]
			if link.PID != list[0].Waiters[0].PID || link.WaitsFor.Name != list[0].Name || link.HeldBy == 0 {
				t.Errorf("%+v", link)
			}
			if len(list[0].Waiters[1].Nested) != 0 {
				t.Errorf("the process behind it is nested in %v", list[0].Waiters[1].Nested)
			}
		})
	}
}
