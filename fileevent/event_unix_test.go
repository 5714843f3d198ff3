//go:build unix

package fileevent

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/sidecar"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func TestTouchAndRm(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, how mode) {
		path := markerPath(t)
		waiters := startAgents(t, 2, path, how)
		asleep(t, waiters, "wait")
		run(t, "touch", path)
		expect(t, waiters, "ok")
		tell(waiters, "isset")
		expect(t, waiters, "true")
		asleep(t, waiters, "waitclear")
		run(t, "rm", path)
		expect(t, waiters, "ok")
		asleep(t, waiters, "wait")
		run(t, "touch", path+".tmp")
		run(t, "mv", path+".tmp", path)
		expect(t, waiters, "ok")
	})
}

// A file of any kind at the path is a marker. Waits neither follow, open nor change it.
func TestOtherKindsOfMarkers(t *testing.T) {
	t.Parallel()
	for kind, put := range map[string]func(path string) error{
		"link to nothing": func(path string) error { return os.Symlink(path+".missing", path) },
		"link to itself":  func(path string) error { return os.Symlink(path, path) },
		"FIFO":            func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"unreadable file": func(path string) error { return os.WriteFile(path, []byte("x"), 0) },
		"directory":       func(path string) error { return os.Mkdir(path, 0o755) },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			path := markerPath(t)
			e := New(path)
			done := doze(t, path, forever)
			must(t, put(path))
			ends(t, done)
			isSet(t, e, true)
			was, err := os.Lstat(path)
			must(t, err)
			must(t, e.Set())
			must(t, e.Wait(t.Context()))
			if got, err := e.Info(); err != nil || got != (Info{Set: true}) {
				t.Errorf("Info() = %+v, %v", got, err)
			}
			if is, err := os.Lstat(path); err != nil || !os.SameFile(was, is) || is.Size() != was.Size() {
				t.Errorf("Set has changed the marker: %v, %v", is, err)
			}
			if _, err := os.Lstat(path + ".missing"); err == nil {
				t.Error("Set has followed the link")
			}
			if err := e.Clear(); kind == "directory" {
				if !errors.Is(err, syscall.EISDIR) {
					t.Errorf("Clear() = %v", err)
				}
				return
			} else if err != nil {
				t.Error(err)
			}
			isSet(t, e, false)
		})
	}
}

// Clear replaces a file in the place of the tombstone, and does not write to it.
func TestTombstoneReplacesOtherFiles(t *testing.T) {
	t.Parallel()
	for kind, put := range map[string]func(path string) error{
		"link":        func(path string) error { return os.Symlink("victim", path) },
		"second name": func(path string) error { return os.Link(filepath.Join(filepath.Dir(path), "victim"), path) },
		"FIFO":        func(path string) error { return syscall.Mkfifo(path, 0o666) },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			path := markerPath(t)
			dir := filepath.Join(filepath.Dir(path), ".fsync")
			must(t, os.Mkdir(dir, 0o755))
			victim := filepath.Join(dir, "victim")
			must(t, os.WriteFile(victim, []byte("mine"), 0o644))
			must(t, put(filepath.Join(dir, "ready.pulse")))
			e, done := New(path), doze(t, path, forever)
			pulse(t, e)
			ends(t, done)
			isSet(t, e, false)
			if got, err := os.ReadFile(victim); string(got) != "mine" {
				t.Errorf("the file is now %q, %v", got, err)
			}
		})
	}
}

func TestTombstoneInheritsPermissions(t *testing.T) {
	t.Parallel()
	for _, dirMode := range []fs.FileMode{0o755, 0o700, 0o777 | fs.ModeSticky, 0o775 | fs.ModeSetgid, 0o770 | fs.ModeSetgid | fs.ModeSticky} {
		path := markerPath(t)
		must(t, os.Chmod(filepath.Dir(path), dirMode))
		pulse(t, New(path))
		dir, err := os.Lstat(filepath.Join(filepath.Dir(path), ".fsync"))
		must(t, err)
		if dir.Mode() != fs.ModeDir|dirMode&^fs.ModeSticky {
			t.Errorf("in a directory with mode %v: %v", dirMode, dir.Mode())
		}
	}
}

// openDir returns a new directory with the mode. All users can reach it.
func openDir(t *testing.T, mode fs.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755)) // testing makes it private
	must(t, os.Chmod(dir, mode))
	return dir
}

// startAgentAs starts an agent that runs as another user.
func startAgentAs(t *testing.T, path string, uid, gid uint32) *testproc.Proc {
	t.Helper()
	return startCmd(t, testproc.AsUser(t, testproc.RoleCmd("agent", path), uid, gid))
}

// Two users share an event in a sticky directory, in either order.
func TestMultiUser(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o777, 0o777 | fs.ModeSticky} {
		path := filepath.Join(openDir(t, mode), "ready")
		one, two := startAgentAs(t, path, 65534, 65534), startAgentAs(t, path, 65533, 65533)
		ask(t, one, "pulse", "ok")
		ask(t, one, "wait", "asleep")
		ask(t, two, "set", "ok")
		one.Expect("ok")
		ask(t, one, "set", "ok")
		want := "ok"
		if mode&fs.ModeSticky != 0 {
			want = "clear " + path + ": operation not permitted"
		}
		ask(t, one, "clear", want)
		ask(t, two, "clear", "ok")
		must(t, New(path).Set())
	}
}

// In a sticky directory, a user may not replace the marker of another user. A Watch sees the
// Set, although the owner of the marker clears the event at once.
func TestSetOfAnotherUsersMarker(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t, 0o777|fs.ModeSticky), "ready")
	owner, other := startAgentAs(t, path, 65534, 65534), startAgentAs(t, path, 65533, 65533)
	ask(t, owner, "set", "ok")
	w := watchOf(t, New(path))
	ask(t, other, "set", "ok")
	ask(t, owner, "clear", "ok")
	seen(t, w, "the Set")
}

// Two users set an event for the first time, at the same moment.
func TestTwoUsersSetTogether(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o777, 0o777 | fs.ModeSticky} {
		for range 10 {
			path := filepath.Join(openDir(t, mode), "ready")
			setters := []*testproc.Proc{startAgentAs(t, path, 65534, 65534), startAgentAs(t, path, 65533, 65533)}
			tell(setters, "set")
			expect(t, setters, "ok")
		}
	}
}

// Root sets and clears an event in a directory of a user. Then the user can do so, too.
func TestRootLeavesTheTombstoneToTheOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t, 0o755), "ready")
	user := startAgentAs(t, path, 65534, 65534)
	must(t, os.Chown(filepath.Dir(path), 65534, 65534))
	pulse(t, New(path))
	ask(t, user, "pulse", "ok")
}

func TestNoPermission(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t, 0o755), "ready")
	dir := filepath.Dir(path)
	a := startAgentAs(t, path, 65534, 65534)
	ask(t, a, "set", "open "+path+": permission denied")
	ask(t, a, "isset", "false")

	must(t, New(path).Set())
	ask(t, a, "set", "ok") // it is set already
	ask(t, a, "clear", "clear "+path+": mkdir "+dir+"/.fsync: permission denied")
	ask(t, a, "wait", "ok") // needs no write permission
	must(t, New(path).Clear())
	must(t, New(path).Set())
	ask(t, a, "clear", "clear "+path+": permission denied")
	must(t, New(path).Clear())
	ask(t, a, "wait", "asleep")
	must(t, New(path).Set())
	a.Expect("ok")

	must(t, os.Chmod(dir, 0o700))
	ask(t, a, "isset", "lstat "+path+": permission denied")
	ask(t, a, "waitfor 1h", "open "+dir+"/.fsync/ready.pulse: permission denied")
	ask(t, a, "clear", "lstat "+path+": permission denied")
}

// A user who may search the directory but not read it cannot watch it, but can wait.
func TestWaitWithoutReadPermission(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t, 0o711), "ready")
	pulse(t, New(path))
	a := startAgentAs(t, path, 65534, 65534)
	for range 3 {
		ask(t, a, "wait", "asleep")
		pulse(t, New(path))
		a.Expect("ok")
	}
}

// If the permission to search the directory is lost during a wait, the wait ends with an error.
func TestPermissionLostWhileWaiting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t, 0o755), "ready")
	a := startAgentAs(t, path, 65534, 65534)
	ask(t, a, "wait", "asleep")
	must(t, os.Chmod(filepath.Dir(path), 0o700))
	a.Expect("lstat " + path + ": permission denied")
}

// The permissions of the marker matter only for Info.
func TestInfoNeedsPermission(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t, 0o755), "ready")
	must(t, New(path, Perm(0o600)).Set())
	other := startAgentAs(t, path, 65534, 65534)
	ask(t, other, "info", "set")
	must(t, os.Chmod(path, 0o644))
	other.Send("info")
	if got := other.Line(); !strings.HasPrefix(got, "set by pid ") {
		t.Errorf("Info() = %s", got)
	}
}

// A program sets an event when it gets a signal, and clears it when it gets another.
func TestSetAndClearOnASignal(t *testing.T) {
	path := markerPath(t)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR2)
	defer signal.Stop(signals)
	acted := make(chan error, 1)
	go func() {
		for _, act := range []func() error{New(path).Set, New(path).Clear} {
			<-signals
			acted <- act()
		}
	}()
	for _, wait := range []func(*Event) error{forever, func(e *Event) error { return e.WaitClear(context.Background()) }} {
		done := doze(t, path, wait)
		must(t, syscall.Kill(os.Getpid(), syscall.SIGUSR2))
		ends(t, done)
		must(t, <-acted)
	}
}

// Another user has put a symbolic link in the place of .fsync. Clear and takes must not move
// the marker through the link, even if the marker belongs to that user.
func TestTombstonesFollowNoLink(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Event) error{
		"Clear": (*Event).Clear,
		"Set":   (*Event).Set,
		"take": func(e *Event) error {
			taken, err := New(e.Path(), AutoReset()).WaitFor(0)
			if !taken {
				t.Error("not taken")
			}
			return err
		},
	} {
		e, private := New(markerPath(t)), t.TempDir()
		must(t, e.Set())
		must(t, os.Symlink(private, filepath.Join(filepath.Dir(e.Path()), sidecar.Dir)))
		seen := 0
		e.hook = func(s step) {
			if s == renewing {
				seen = len(must2(os.ReadDir(private)))
			}
		}
		if err := end(e); err != nil != (name == "Clear") {
			t.Errorf("%s: %v", name, err)
		}
		e.hook = nil
		if seen += len(must2(os.ReadDir(private))); seen > 0 {
			t.Errorf("%s has put a file there", name)
		}
	}
}
