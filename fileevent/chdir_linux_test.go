package fileevent

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// The program changes its working directory during a wait, and the former directory is
// renamed. The wait ends with an error that says so; it does not wait for another file.
func TestWaitInALostDirectory(t *testing.T) {
	for name, call := range map[string]func(*Event) error{
		"Wait":      forever,
		"WaitClear": func(e *Event) error { return e.WaitClear(context.Background()) },
		"WaitAll":   func(e *Event) error { return WaitAll(context.Background(), e, New("other", AutoReset())) },
	} {
		dir, elsewhere := t.TempDir(), t.TempDir()
		t.Chdir(dir)
		if name == "WaitClear" {
			must(t, New("ready").Set())
		}
		done := doze(t, "ready", call)
		must(t, New(filepath.Join(elsewhere, "other")).Set())
		t.Chdir(elsewhere)
		must(t, os.Rename(dir, dir+".old"))
		var pathErr *fs.PathError
		if err := <-done; !errors.Is(err, cwd.ErrMoved) || !errors.As(err, &pathErr) || !strings.Contains(err.Error(), "use an absolute path") {
			t.Errorf("%s: %v", name, err)
		}
		isSet(t, New("other"), true)
	}
}

// The same relative path in two working directories means two events.
func TestOneRelativePathInTwoDirectories(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	t.Chdir(first)
	one := doze(t, "ready", forever)
	t.Chdir(second)
	two := doze(t, "ready", forever)
	must(t, New("ready").Set())
	ends(t, two)
	goesOn(t, one)
	must(t, New(filepath.Join(first, "ready")).Set())
	ends(t, one)
}

// During a wait the working directory is renamed, or $PWD contains a link that then leads to
// another directory. The wait stays in its directory.
func TestWaitInAMovedDirectory(t *testing.T) {
	top := t.TempDir()
	dir, link := filepath.Join(top, "1"), filepath.Join(top, "cur")
	must(t, os.Mkdir(dir, 0o755), os.Mkdir(filepath.Join(top, "2"), 0o755), os.Symlink("1", link))
	t.Chdir(link)
	swapped, renamed := doze(t, "swapped", forever), doze(t, "./renamed", forever)
	must(t, os.Remove(link), os.Symlink("2", link))
	must(t, New(filepath.Join(dir, "swapped")).Set())
	ends(t, swapped)
	must(t, os.Rename(dir, dir+".new"))
	pulseEnds(t, New("pulsed"), New(filepath.Join(dir+".new", "pulsed")))
	must(t, New(filepath.Join(dir+".new", "renamed")).Set())
	ends(t, renamed)
	t.Chdir(top)
}

// The program changes its working directory between two steps of a wait: the wait has chosen
// the path to watch, and the watch is made. The wait then watches the directory that it began
// in. The process makes no rescans, which would find the marker later.
func TestLeaveBeforeTheWatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := testproc.RoleCmd("agent", "ready", "blind")
	cmd.Dir = dir
	waiter := startCmd(t, cmd)
	ask(t, waiter, "leave "+t.TempDir(), "asleep")
	must(t, New(filepath.Join(dir, "ready")).Set())
	waiter.Expect("ok")
}

// A Watch stays with the event that it was made for.
func TestWatchAfterChdir(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	w, err := New("ready").Watch()
	must(t, err)
	t.Chdir(t.TempDir())
	must(t, New("ready").Set())
	next := func() <-chan error {
		done := make(chan error, 1)
		go func() { done <- w.Next(context.Background()) }()
		return done
	}
	done := next()
	must(t, New(filepath.Join(dir, "ready")).Set())
	ends(t, done)
	done = next()
	must(t, os.Rename(dir, dir+".old"))
	if err := <-done; !errors.Is(err, cwd.ErrMoved) {
		t.Errorf("Next = %v", err)
	}
}

// No event can be set in a working directory that was removed. Waits there end, and new ones
// fail.
func TestWaitInARemovedDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	must(t, os.Mkdir(dir, 0o755))
	t.Chdir(dir)
	w, err := New("ready").Watch()
	must(t, err)
	waits := map[string]func(*Event) error{
		"Wait":    forever,
		"WaitAny": func(e *Event) error { _, err := WaitAny(context.Background(), New("../other"), e); return err },
		"Next":    func(*Event) error { return w.Next(context.Background()) },
	}
	done := doze(t, "ready", waits["Wait"])
	must(t, os.Remove(dir))
	if err := <-done; !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "working directory was removed") {
		t.Errorf("Wait = %v", err)
	}
	for name, wait := range waits {
		if err := wait(New("ready")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s = %v", name, err)
		}
	}
	above := doze(t, "../ready", forever)
	must(t, New(filepath.Join(filepath.Dir(dir), "ready")).Set())
	ends(t, above)
	t.Chdir("/")
}

// The working directory changes while a call uses the marker: the call uses it again, by the
// absolute path. If the former directory is renamed meanwhile, the call fails.
func TestReachAgain(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	m, err := New("ready").marker.begin("look for")
	must(t, err)
	var paths []string
	err = m.reach(func(now marker) error {
		switch paths = append(paths, now.path); len(paths) {
		case 1:
			t.Chdir("/")
		case 2:
			must(t, os.Rename(dir, dir+".old"))
		}
		return nil
	})
	if !slices.Equal(paths, []string{"ready", filepath.Join(dir, "ready")}) || !errors.Is(err, cwd.ErrMoved) {
		t.Errorf("it has used %q, and returns %v", paths, err)
	}
}
