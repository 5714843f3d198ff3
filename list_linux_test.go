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

func mustList(t testing.TB, m *fsync.Manager) []fsync.Entry {
	t.Helper()
	list, err := m.List()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func semaphore(t testing.TB, m *fsync.Manager, name string, slots int) *filelock.Semaphore {
	t.Helper()
	s, err := m.NewSemaphore(name, slots)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mustTake acquires a slot, which must be free.
func mustTake(t testing.TB, s *filelock.Semaphore) {
	t.Helper()
	if ok, err := s.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	m := open(t, t.TempDir())
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
	mustTake(t, semaphore(t, m, "a b", 3))
	path := filepath.Join(m.Dir(), "b.lock")
	holder := holdByTool(t, path, "true")
	holder.Expect("held")
	waiter := testproc.StartCmd(t, exec.Command("flock", path, "true"))
	testproc.AwaitWaiters(t, path, 1)

	list := mustList(t, m)
	var got []string
	for _, e := range list {
		got = append(got, fmt.Sprintf("%s %s %d/%d+%d %v", e.Kind, e.Name, len(filelock.GroupByHold(e.Holders)), e.Slots, len(e.Waiters), e.Set))
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

// A process that inherits a slot is a holder of the same slot.
func TestInheritedSlot(t *testing.T) {
	t.Parallel()
	m := open(t, t.TempDir())
	s := semaphore(t, m, "s", 2)
	mustTake(t, s)
	f, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	heir := exec.Command("sh", "-c", "echo ready; read x")
	heir.ExtraFiles = []*os.File{f}
	testproc.StartCmd(t, heir).Expect("ready")
	var list []fsync.Entry
	testproc.Until(t, "there are two holders", func() bool { // and no child process that is just being started
		list = mustList(t, m)
		return len(list) == 1 && len(list[0].Holders) == 2
	})
	if one, other := list[0].Holders[0], list[0].Holders[1]; one.PID == other.PID || one.Slot != other.Slot || one.Slot < 1 || one.Slot > 2 {
		t.Errorf("%+v and %+v", one, other)
	}
}

// If a semaphore is resized during a List, List returns the old or the new number of
// slots, and no error.
func TestListWhileResized(t *testing.T) {
	t.Parallel()
	m := open(t, t.TempDir())
	s := semaphore(t, m, "a", 2)
	if err := s.Resize(2); err != nil {
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

// A process that has got one slot is not a waiter any more, although it waited for all
// slots. If it waits for a second slot, it is a waiter again.
func TestSlotHolderIsNoWaiter(t *testing.T) {
	t.Parallel()
	m := open(t, t.TempDir())
	s := semaphore(t, m, "s", 3)
	for range 3 {
		mustTake(t, s)
	}
	first := testproc.Start(t, "slot", s.Path())
	testproc.Until(t, "a process waits", func() bool { return len(mustList(t, m)[0].Waiters) == 1 })
	if err := s.Release(); err != nil {
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

// An entry that is given by its path may be a device or a symbolic link. An entry of a Manager
// is a file.
func TestInspectPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	l := filelock.New(path("held"))
	if ok, err := l.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	testproc.Must(t, os.Symlink("held", path("link")), os.Mkdir(path("dir"), 0o777), syscall.Mkfifo(path("fifo"), 0o666), os.Mkdir(path("bad.sem"), 0o777),
		os.WriteFile(path("bad.sem/slots"), []byte("many"), 0o666))
	const held, notHeld, fails = "held", "not held", "fails"
	for _, c := range []struct {
		kind  fsync.Kind
		named bool
		path  string
		want  string
	}{
		{fsync.KindLock, true, path("held"), held},
		{fsync.KindLock, false, path("held"), held},
		{fsync.KindLock, false, path("link"), held},
		{fsync.KindLock, true, path("link"), fails},
		{fsync.KindLock, false, path("missing"), notHeld},
		{fsync.KindLock, true, path("missing"), notHeld},
		{fsync.KindLock, true, path("dir"), notHeld},
		{fsync.KindLock, false, path("dir"), notHeld},
		{fsync.KindLock, false, path("fifo"), fails},
		{fsync.KindLock, false, os.DevNull, notHeld},
		{fsync.KindLock, true, os.DevNull, fails},
		{fsync.KindLock, false, path("held/a"), fails},
		{fsync.KindSemaphore, false, path("bad.sem"), fails},
		{fsync.KindSemaphore, false, path("missing"), notHeld},
	} {
		entries := []fsync.Entry{{Kind: c.kind, Path: c.path}}
		if c.named {
			entries[0].Name = "a"
		}
		got := notHeld
		if fsync.Inspect(entries); entries[0].Err != nil {
			got = fails
		} else if entries[0].Status() == filelock.Held {
			got = held
		}
		if got != c.want {
			t.Errorf("%+v: %s", c, entries[0])
		}
	}
	testproc.Must(t, l.Release())
}
