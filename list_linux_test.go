package fsync_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func manager(t testing.TB) *fsync.Manager {
	t.Helper()
	m, err := fsync.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustList(t testing.TB, m *fsync.Manager) []fsync.Entry {
	t.Helper()
	list, err := m.List()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// holdByTool starts flock(1) on a lock of the manager; the process says "held" when
// it has it, and when it hears something goes on to what is next.
func holdByTool(t testing.TB, path, next string) *testproc.Proc {
	t.Helper()
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("flock(1) is not installed")
	}
	return testproc.StartCmd(t, exec.Command("flock", "--no-fork", path, "sh", "-c", "echo held; read x; exec "+next))
}

func TestList(t *testing.T) {
	t.Parallel()
	m := manager(t)
	if list := mustList(t, m); len(list) != 0 {
		t.Fatalf("an empty directory: %+v", list)
	}
	for _, name := range []string{"b.lock", "free.lock", "a.event", "unset.txt", ".hidden.lock", ".event", "new\nline.lock", "a.sem"} {
		path := filepath.Join(m.Dir(), name)
		var err error
		if name == "a.sem" {
			err = os.Mkdir(path, 0o777)
		} else {
			err = os.WriteFile(path, nil, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(m.Dir(), "fifo.lock"), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSemaphore("a b", 3)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	path := filepath.Join(m.Dir(), "b.lock")
	holder := holdByTool(t, path, "true")
	holder.Expect("held")
	waiter := testproc.StartCmd(t, exec.Command("flock", path, "true"))
	testproc.AwaitWaiters(t, path, 1)

	list := mustList(t, m)
	var got []string
	for _, e := range list {
		got = append(got, fmt.Sprintf("%s %s %d/%d+%d %v", e.Kind, e.Name, len(e.Holders), e.Slots, len(e.Waiters), e.Set))
		if e.Path != filepath.Join(m.Dir(), e.Name+map[fsync.Kind]string{fsync.KindLock: ".lock", fsync.KindSemaphore: ".sem", fsync.KindEvent: ".event"}[e.Kind]) {
			t.Errorf("%s: path %s", e.Name, e.Path)
		}
		if (e.Err != nil) != (e.Name == "fifo") {
			t.Errorf("%s %s: %v", e.Kind, e.Name, e.Err)
		}
	}
	want := []string{"event a 0/0+0 true", "semaphore a 0/0+0 false", "semaphore a b 1/3+0 false", "lock b 1/0+1 false", "lock fifo 0/0+0 false", "lock free 0/0+0 false"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("list:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if unused := list[1]; unused.Status() != filelock.Free {
		t.Errorf("a semaphore that no process has used is %s", unused.Status())
	}
	b := list[3]
	if b.Holders[0].PID != holder.PID() || b.Waiters[0].PID != waiter.PID() {
		t.Errorf("b: %+v", b)
	}
	if err := os.RemoveAll(m.Dir()); err != nil {
		t.Fatal(err)
	}
	if _, err := m.List(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("list of a directory that is gone: %v", err)
	}
}

// Three processes wait for each other, and a fourth for one of them.
func TestDeadlocks(t *testing.T) {
	t.Parallel()
	m := manager(t)
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
		if circles := fsync.Deadlocks(mustList(t, m)); len(circles) != 0 {
			t.Errorf("%d wait: %+v", i, circles)
		}
		p.Send("go on")
		testproc.AwaitWaiters(t, path(names[(i+1)%len(names)]), 1)
	}
	testproc.StartCmd(t, exec.Command("flock", path("a"), "true"))
	testproc.AwaitWaiters(t, path("a"), 2)
	circles := fsync.Deadlocks(mustList(t, m))
	if len(circles) != 1 || len(circles[0]) != 3 {
		t.Fatalf("circles: %+v", circles)
	}
	for i, link := range circles[0] {
		next := circles[0][(i+1)%3]
		if len(link.WaitsFor.Holders) != 1 || link.WaitsFor.Holders[0].PID != next.PID || !strings.HasPrefix(link.Command, "flock ") {
			t.Errorf("link %d: %+v; next %+v", i, link, next)
		}
	}
	procs[1].Kill()
	testproc.Until(t, "the circle is broken", func() bool { return len(fsync.Deadlocks(mustList(t, m))) == 0 })
}

// A process that holds a lock and waits for it in another goroutine is no
// circle.
func TestNoDeadlockOfGoroutines(t *testing.T) {
	t.Parallel()
	m := manager(t)
	one, err := m.NewLock("a")
	if err != nil {
		t.Fatal(err)
	}
	two := filelock.New(one.Path())
	if ok, err := one.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	result := make(chan error)
	go func() { result <- two.Acquire(context.Background()) }()
	testproc.AwaitWaiters(t, one.Path(), 1)
	list := mustList(t, m)
	if len(list) != 1 || len(list[0].Waiters) != 1 {
		t.Fatalf("list: %+v", list)
	}
	if circles := fsync.Deadlocks(list); len(circles) != 0 {
		t.Errorf("circles: %+v", circles)
	}
	if err := one.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
}

// Who waits for a slot waits for any holder; who waits for a lock, for each.
func TestDeadlocksThroughSemaphores(t *testing.T) {
	t.Parallel()
	holders := func(pids ...int) (list []filelock.Holder) {
		for _, pid := range pids {
			list = append(list, filelock.Holder{PID: pid})
		}
		return list
	}
	slots := func(pids ...int) []filelock.Holder { // each holds another one
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
		{[]fsync.Entry{lock}, 0},
		{nil, 0},
	} {
		if circles := fsync.Deadlocks(c.entries); len(circles) != c.want {
			t.Errorf("%+v: circles %+v", c.entries, circles)
		}
	}
}

// Who inherits a slot holds the same one.
func TestInheritedSlot(t *testing.T) {
	t.Parallel()
	m := manager(t)
	s, err := m.NewSemaphore("s", 2)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	f, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	heir := exec.Command("sh", "-c", "echo ready; read x")
	heir.ExtraFiles = []*os.File{f}
	testproc.StartCmd(t, heir).Expect("ready")
	list := mustList(t, m)
	if len(list) != 1 || len(list[0].Holders) != 2 {
		t.Fatalf("%+v", list)
	}
	if one, other := list[0].Holders[0], list[0].Holders[1]; one.PID == other.PID || one.Slot != other.Slot || one.Slot < 1 || one.Slot > 2 {
		t.Errorf("%+v and %+v", one, other)
	}
}

// A semaphore that is resized all the time is listed with one number or another.
func TestListWhileResized(t *testing.T) {
	t.Parallel()
	m := manager(t)
	s, err := m.NewSemaphore("a", 2)
	if err == nil {
		err = s.Resize(2)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() {
		var err error
		for n := 2; ctx.Err() == nil && err == nil; n = 5 - n {
			err = s.Resize(n)
		}
		over <- err
	}()
	t.Cleanup(stop)
	for range 100 {
		list, err := m.List()
		if err != nil || len(list) != 1 || list[0].Err != nil || list[0].Slots != 2 && list[0].Slots != 3 {
			t.Fatalf("%+v, %v", list, err)
		}
	}
	stop()
	if err := <-over; err != nil {
		t.Fatal(err)
	}
}
