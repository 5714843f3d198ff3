package fsync_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// A process that waits for what its own ancestor holds, or for what it
// inherited from one, will wait for ever, and so do others behind it.
func TestNestedWrapper(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("flock(1) is not installed")
	}
	for name, argv := range map[string][]string{
		"inherited":           {"flock", "a.lock", "flock", "a.lock", "true"},
		"not inherited":       {"flock", "--close", "a.lock", "sh", "-c", "flock a.lock true; true"},
		"by a descriptor":     {"sh", "-c", "exec 9>a.lock; flock 9; flock a.lock true; true"},
		"through a semaphore": {"flock", "s.sem/1", "flock", "s.sem/1", "true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := manager(t)
			file := filepath.Join(m.Dir(), "a.lock")
			if name == "through a semaphore" {
				s, err := m.NewSemaphore("s", 1)
				if err != nil {
					t.Fatal(err)
				}
				if ok, err := s.TryAcquire(); !ok || s.Release() != nil {
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

// A process that has a slot is not shown as a waiter for the other slots that
// it asked for meanwhile, but one that waits for one more is.
func TestSlotHolderIsNoWaiter(t *testing.T) {
	t.Parallel()
	m := manager(t)
	var all []*filelock.Semaphore
	for range 3 {
		s, err := m.NewSemaphore("s", 3)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	one := func() *filelock.Semaphore { return all[0] }
	for range 3 {
		if ok, err := one().TryAcquire(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	first := testproc.Start(t, "slot", one().Path())
	testproc.Until(t, "a process waits", func() bool { return len(mustList(t, m)[0].Waiters) == 1 })
	if err := one().Release(); err != nil {
		t.Fatal(err)
	}
	first.Expect("acquired")
	testproc.Until(t, "the holder is no waiter", func() bool {
		e := mustList(t, m)[0]
		return len(e.Waiters) == 0 && len(filelock.GroupByHold(e.Holders)) == 3
	})
	first.Send("more")
	testproc.Until(t, "it waits for one more", func() bool {
		w := mustList(t, m)[0].Waiters
		return len(w) == 1 && w[0].PID == first.PID()
	})
}
