package fileevent

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fsnotify/fsnotify"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// Many waits, for events in many directories, need one inotify instance.
func TestOneInstanceForManyWaits(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		dir := t.TempDir()
		for j := range 10 {
			path := filepath.Join(dir, fmt.Sprint("ready", j))
			done := doze(t, path, forever)
			defer func() {
				must(t, New(path).Set())
				ends(t, done)
			}()
		}
		switch n := watchers(); {
		case n == 0:
			t.Skip("other programs of this user have taken all inotify instances")
		case n > 1:
			t.Fatalf("%d inotify instances for %d waits", n, 10*(i+1))
		}
	}
}

func TestPollingHasNoWatcher(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	a := polling.startAgent(t, path)
	ask(t, a, "waitfor 1ms", "asleep")
	a.Expect("false")
	ask(t, a, "watchers", "0 watchers")
}

// A wait for a set event makes no watcher.
func TestNoWatcherForASetEvent(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	must(t, New(path).Set())
	a := startAgent(t, path)
	ask(t, a, "wait", "ok")
	ask(t, a, "waitfor 0s", "true")
	ask(t, a, "watchers", "0 watchers")
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := testproc.Tmpfs(t, "size=64k")
	old := New(filepath.Join(dir, "old"))
	pulse(t, old)
	filler, err := os.Create(filepath.Join(dir, "filler"))
	must(t, err)
	for err == nil {
		_, err = filler.Write(bytes.Repeat([]byte("x"), 4096))
	}
	filler.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}

	// There is room for an empty marker, and for nothing else.
	e := New(filepath.Join(dir, "ready"), Note("no room for this"))
	done := doze(t, e.Path(), forever)
	must(t, e.Set())
	ends(t, done)
	isSet(t, e, true)
	if info, err := e.Info(); err != nil || info != (Info{Set: true}) {
		t.Errorf("Info() = %+v, %v", info, err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, ".fsync")); len(left) != 1 {
		t.Errorf("Set left something: %v", left)
	}
	// An event that was set before needs no more space, and a pulse is seen.
	done = doze(t, old.Path(), forever)
	pulse(t, old)
	ends(t, done)
}

// When no process waits any more, the watch on the directory ends soon, also after a timeout.
func TestWaitsLeaveNoWatch(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	dir, a := filepath.Dir(path), startAgent(t, path)
	for _, wait := range []string{"wait", "waitfor 1ms"} {
		ask(t, a, wait, "asleep")
		if wait == "wait" {
			testproc.AwaitWatch(t, a.PID(), dir)
			pulse(t, New(path))
			a.Expect("ok")
		} else {
			a.Expect("false")
		}
		testproc.Until(t, "the directory is not watched", func() bool { return !testproc.Watches(t, a.PID(), dir) })
	}
}

// Another file system is mounted over the directory during a wait.
func TestSilentWatchDeathByMount(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"mounted over", "unmounted"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			inEveryMode(t, func(t *testing.T, how mode) {
				path := markerPath(t)
				dir := filepath.Dir(path)
				mount := func() {
					if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
						t.Skipf("cannot mount a file system (needs root): %v", err)
					}
				}
				mounted := order == "unmounted"
				if mounted {
					mount()
				}
				defer func() { syscall.Unmount(dir, syscall.MNT_DETACH) }()
				waiters := startAgents(t, 2, path, how)
				asleep(t, waiters, "wait")
				if mounted {
					must(t, syscall.Unmount(dir, syscall.MNT_DETACH))
				} else {
					mount()
				}
				waiters[0].Silent()
				pulse(t, New(path))
				expect(t, waiters, "ok")
			})
		})
	}
}

// While a waiter is stopped, there are more changes than the kernel keeps. The kernel reports
// the overflow, so the waiter looks when it continues. There are no rescans in this test.
func TestOverflow(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	for _, wait := range []string{"wait", "waitclear"} {
		if wait == "waitclear" {
			must(t, New(path).Set())
		}
		waiter := startAgent(t, path, "blind")
		waiter.Send(wait)
		waiter.Expect("asleep")
		goOn := waiter.Halt()
		noise := path + ".noise"
		must(t, os.WriteFile(noise, nil, 0o644))
		for range 5000 { // 20,000 reports; the queue has room for 16,384
			must(t, os.Rename(noise, noise+"2"), os.Rename(noise+"2", noise))
		}
		if wait == "wait" {
			must(t, New(path).Set())
		} else {
			must(t, New(path).Clear())
		}
		goOn()
		waiter.Expect("ok")
	}
}

func TestStoppedWaiterDoesNotDisturb(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	waiters := startAgents(t, 2, path, watching)
	asleep(t, waiters, "wait")
	goOn := waiters[0].Halt()
	pulse(t, New(path))
	waiters[1].Expect("ok")
	waiters[0].Silent()
	goOn()
	waiters[0].Expect("ok")
}

// A Set causes no needless reports in the watched directory: only a new file and
// the write of its record, and with the next Set another file in its place.
func TestNoise(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	pulse(t, New(path)) // makes .fsync, once
	w, err := fsnotify.NewWatcher()
	if err != nil {
		t.Skip("other programs of this user have taken all inotify instances")
	}
	defer w.Close()
	must(t, w.Add(filepath.Dir(path)))
	must(t, New(path).Set())
	pulse(t, New(path))
	end := filepath.Join(filepath.Dir(path), "end")
	must(t, os.Mkdir(end, 0o755))
	var seen []string
	for ev := range w.Events {
		if ev.Name == end {
			break
		}
		if ev.Name != path {
			t.Errorf("noise: %v", ev)
		}
		seen = append(seen, ev.Op.String())
	}
	if want := []string{"CREATE", "WRITE", "CREATE", "RENAME"}; !slices.Equal(seen, want) {
		t.Errorf("two Sets and a Clear are %v", seen)
	}
}

// A directory with two names is one directory, and an event in it is one event.
func TestPathIdentity(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
		must(t, os.Symlink("real", filepath.Join(dir, "link")))
		one, two := filepath.Join(dir, "real", "ready"), filepath.Join(dir, "link", "ready")
		waiters := []*testproc.Proc{how.startAgent(t, one), how.startAgent(t, two)}
		for _, path := range []string{one, two} {
			asleep(t, waiters, "wait")
			pulse(t, New(path))
			expect(t, waiters, "ok")
		}
	})
}

// An overlay is watched, and it is polled too, because it does not report the changes that are
// made directly in its upper directory.
func TestOverlay(t *testing.T) {
	t.Parallel()
	base, merged := testproc.Tmpfs(t, "size=1m"), t.TempDir()
	if err := mountOverlay(base, merged); err != nil {
		t.Skipf("no overlay: %v", err)
	}
	defer syscall.Unmount(merged, syscall.MNT_DETACH)
	path := filepath.Join(merged, "ready")
	a := startAgent(t, path, "debug")
	for range 3 {
		ask(t, a, "wait", "asleep")
		pulse(t, New(path))
		a.Expect("ok")
	}
	testproc.Until(t, "the log says that the directory is polled", func() bool {
		return strings.Contains(a.Stderr(), `reason="overlay does not report all changes" watched=true`)
	})
}

// In a user namespace an overlay cannot rename a directory.
func TestOverlayInANamespace(t *testing.T) {
	t.Parallel()
	cmd := testproc.RoleCmd("agent", markerPath(t), "overlay")
	a := startCmd(t, testproc.InUserNamespace(t, cmd, syscall.CLONE_NEWNS))
	for range 2 {
		ask(t, a, "pulse", "ok")
		ask(t, a, "isset", "false")
	}
}

// On one host, a process sets an event. On two hosts, processes wait for the event and take it.
func TestNetworkFileSystem(t *testing.T) {
	t.Parallel()
	views := bindViews(t, 2)
	here, there := filepath.Join(views[0], "ready"), filepath.Join(views[1], "ready")
	setter := New(there)
	waiters := startAgents(t, 2, here, watching)
	for range 3 {
		asleep(t, waiters, "wait")
		pulse(t, setter)
		expect(t, waiters, "ok")
	}
	takers := append(startAgents(t, 2, here, watching, "auto"), startAgents(t, 2, there, watching, "auto")...)
	asleep(t, takers, "race")
	r := joinRace(takers)
	for range 5 {
		must(t, setter.Set())
		r.awaitTake(t)
	}
	if n := r.stop(t); n != 5 {
		t.Errorf("taken %d times, and set 5 times", n)
	}
}

// The log says that a directory is polled, and why.
func TestDebugLog(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	a := polling.startAgent(t, path, "debug")
	ask(t, a, "waitfor 1ms", "asleep")
	a.Expect("false")
	for _, want := range []string{"polling a directory", filepath.Dir(path), "too many open files", "watched=false"} {
		testproc.Until(t, "the log says "+want, func() bool { return strings.Contains(a.Stderr(), want) })
	}
}

// A process that cannot open any more files can still wait; without a watcher it
// polls.
func TestOutOfDescriptors(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		for _, at := range []string{"sleeping", "looking"} {
			path := markerPath(t)
			pulse(t, New(path)) // leaves a tombstone, which each look opens
			agent := how.startAgent(t, path)
			agent.Send("starve " + at)
			agent.Expect("starving")
			pulse(t, New(path))
			agent.Expect("ok")
		}
	})
}

// Set and Clear do not sync anything to the disk.
func TestNoSync(t *testing.T) {
	t.Parallel()
	calls := filepath.Join(t.TempDir(), "calls")
	agent := startTraced(t, markerPath(t), calls, "trace=renameat,fsync,fdatasync,sync_file_range,syncfs,sync,msync")
	ask(t, agent, "pulse", "ok")
	agent.Send("end")
	agent.Exit()
	text, err := os.ReadFile(calls)
	must(t, err)
	if !strings.Contains(string(text), "renameat(") || regexp.MustCompile(`sync\w*\(`).Match(text) {
		t.Errorf("the calls of Set and Clear: %s", text)
	}
}

// After thousands of events were set and cleared, there is one tombstone for each event and no
// other file.
func TestManyNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	events := eventsIn(dir, testproc.Size(2000, 200))
	for _, e := range events {
		must(t, e.Set())
	}
	for _, e := range events {
		isSet(t, e, true)
		must(t, e.Clear())
	}
	for range 100 {
		pulse(t, events[0])
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d entries: %v", len(entries), err)
	}
	if tombstones, err := os.ReadDir(filepath.Join(dir, ".fsync")); err != nil || len(tombstones) != len(events) {
		t.Errorf("%d tombstones of %d events: %v", len(tombstones), len(events), err)
	}
}

// Waits poll if the kernel has no inotify, or no watches left.
func TestNoInotify(t *testing.T) {
	t.Parallel()
	for _, failure := range []string{"inotify_init1:error=ENOSYS", "inotify_init1:error=ENFILE", "inotify_add_watch:error=ENOSPC"} {
		path := markerPath(t)
		agent := startTraced(t, path, os.DevNull, "inject="+failure)
		ask(t, agent, "wait", "asleep")
		pulse(t, New(path))
		agent.Expect("ok")
	}
}
