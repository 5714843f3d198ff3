package fileevent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// However many wait, for events in however many directories, there is one
// inotify instance.
func TestOneWatcherForManyWaits(t *testing.T) {
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
	a := startAgents(t, 1, path, polling)[0]
	ask(t, a, "waitfor 1ms", "asleep")
	a.Expect("false")
	ask(t, a, "watchers", "0 watchers")
}

// A set event needs no watcher.
func TestNoWatcherForWhatIsSet(t *testing.T) {
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
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("only who may mount can have a small disk: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	old := New(filepath.Join(dir, "old"))
	must(t, old.Set())
	must(t, old.Clear())
	filler, err := os.Create(filepath.Join(dir, "filler"))
	must(t, err)
	for err == nil {
		_, err = filler.Write(bytes.Repeat([]byte("x"), 4096))
	}
	filler.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}

	e := New(filepath.Join(dir, "ready"))
	if err := e.Set(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Set() on a full disk = %v", err)
	}
	isSet(t, e, false)
	if left, _ := os.ReadDir(filepath.Join(dir, ".fsync")); len(left) != 1 {
		t.Errorf("the failed Set left something: %v", left)
	}
	// An event that was set before needs no more space.
	done := doze(t, old.Path(), func(e *Event) error { return e.Wait(context.Background()) })
	must(t, old.Set())
	ends(t, done)
}
