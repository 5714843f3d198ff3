//go:build unix

package sidecar

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

var must = testproc.Must

// If many processes make the directory at the same time, none fails.
func TestMakeTogether(t *testing.T) {
	t.Parallel()
	for range 100 {
		dir := t.TempDir() + "/"
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if err := Make(dir); err != nil {
					t.Error(err)
				}
				os.WriteFile(filepath.Join(dir, Dir, fmt.Sprint(i)), nil, 0o644)
			})
		}
		wg.Wait()
	}
}

// A directory that another user has put in the place of the new one gets no permissions.
func TestInheritOfAnotherDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	parent, err := os.Stat(dir)
	must(t, err)
	other := filepath.Join(dir, "other")
	must(t, os.Mkdir(other, 0o700))
	must(t, os.WriteFile(filepath.Join(other, "secret"), nil, 0o600))
	if err := inherit(other, dir, parent); err == nil {
		t.Error("it was taken for the new directory")
	}
	if info, err := os.Stat(other); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its permissions: %v, %v", info.Mode(), err)
	}
}

// Make succeeds while the directory is made, used and removed all the time.
func TestMakeBesideARemover(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/"
	stop, stopped := make(chan struct{}), make(chan struct{})
	defer func() { close(stop); <-stopped }()
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			os.Mkdir(dir+Dir, 0o777)
			os.WriteFile(dir+Dir+"/file", nil, 0o666)
			os.Remove(dir + Dir + "/file")
			os.Remove(dir + Dir)
		}
	}()
	for range 3000 {
		if err := Make(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// failRename lets the renames of a test fail with these errors, one after the other, and then
// succeed. It returns how often the code has renamed. The tests that use it are not parallel.
func failRename(t *testing.T, between func(path string), errs ...error) *int {
	n := new(int)
	rename = func(from, to string) error {
		if *n++; *n > len(errs) {
			return os.Rename(from, to)
		}
		between(to)
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: errs[*n-1]}
	}
	t.Cleanup(func() { rename = os.Rename })
	return n
}

func nothing(string) {}

// Another process makes the sidecar, and it is removed again before Make looks: Make begins
// again, but not for ever.
func TestMakeBeginsAgain(t *testing.T) {
	dir := t.TempDir() + "/"
	n := failRename(t, nothing, syscall.ENOTEMPTY, syscall.EEXIST)
	if err := Make(dir); err != nil || *n != 3 {
		t.Errorf("Make = %v after %d renames", err, *n)
	}
	onlySidecar(t, dir, 1)
	dir = t.TempDir() + "/"
	n = failRename(t, nothing, slices.Repeat([]error{syscall.ENOTEMPTY}, maxAttempts+1)...)
	if err := Make(dir); !errors.Is(err, fs.ErrExist) || *n != maxAttempts {
		t.Errorf("Make = %v after %d renames", err, *n)
	}
	onlySidecar(t, dir, 0)
}

// Another process makes and uses the sidecar just before the rename.
func TestMakeIsOvertaken(t *testing.T) {
	dir := t.TempDir() + "/"
	n := failRename(t, func(path string) { must(t, os.Mkdir(path, 0o700)) }, syscall.ENOTEMPTY)
	if err := Make(dir); err != nil || *n != 1 {
		t.Errorf("Make = %v after %d renames", err, *n)
	}
	onlySidecar(t, dir, 1)
}

// If the directory cannot be renamed because of another reason, Make fails at once. On an
// overlay it makes the sidecar under its name.
func TestMakeCannotRename(t *testing.T) {
	dir := t.TempDir() + "/"
	n := failRename(t, nothing, syscall.EACCES)
	if err := Make(dir); !errors.Is(err, fs.ErrPermission) || *n != 1 {
		t.Errorf("Make = %v after %d renames", err, *n)
	}
	onlySidecar(t, dir, 0)
	failRename(t, nothing, syscall.EXDEV)
	must(t, Make(dir))
	onlySidecar(t, dir, 1)
}

// onlySidecar fails the test unless there are n entries in a directory, the sidecar at most.
func onlySidecar(t *testing.T, dir string, n int) {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != n || n > 0 && names[0].Name() != Dir {
		t.Errorf("left: %v, %v", names, err)
	}
}

// A sidecar that root makes belongs to the owner and the group of its directory.
func TestMakeInheritsTheOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir() + "/"
	must(t, os.Chown(dir, 4242, 4243), Make(dir))
	info, err := os.Stat(dir + Dir)
	must(t, err)
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 4242 || st.Gid != 4243 {
		t.Errorf("it belongs to %d and %d", st.Uid, st.Gid)
	}
}

// The sidecar has the permissions of its directory, but no sticky bit.
func TestMakeInheritsTheMode(t *testing.T) {
	t.Parallel()
	for parent, want := range map[fs.FileMode]fs.FileMode{
		0o750:                 0o750,
		0o775 | fs.ModeSetgid: 0o775 | fs.ModeSetgid,
		0o777 | fs.ModeSticky: 0o777,
		0o700 | fs.ModeSetgid: 0o700 | fs.ModeSetgid,
	} {
		dir := t.TempDir() + "/"
		must(t, os.Chmod(dir, parent), Make(dir), Make(dir))
		if info, err := os.Stat(dir + Dir); err != nil || info.Mode()&^fs.ModeDir != want {
			t.Errorf("in %v: %v, %v", parent, info.Mode(), err)
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
			t.Errorf("left: %v, %v", names, err)
		}
	}
}

// Make fails if something else is in the place of the sidecar, or if the directory is missing.
func TestMakeInTheWay(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(path string) error{
		"a file": func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"a link": func(path string) error { return os.Symlink("elsewhere", path) },
	} {
		dir := t.TempDir() + "/"
		must(t, put(dir+Dir))
		if err := Make(dir); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: Make = %v", name, err)
		}
		if err := Check(dir); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: Check = %v", name, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "missing") + "/"
	if err := Make(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: Make = %v", err)
	}
	if err := Check(dir); err != nil {
		t.Errorf("a missing directory: Check = %v", err)
	}
}

// In an empty dir, the functions mean the working directory.
func TestWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, Make(""), Check(""))
	left := Dir + ".0123456789abcdef"
	must(t, os.Mkdir(left, 0o700), os.Chtimes(left, long, long))
	Sweep("")
	if names, err := os.ReadDir("."); err != nil || len(names) != 1 || names[0].Name() != Dir {
		t.Errorf("left: %v, %v", names, err)
	}
}

// long is a time that is long ago for Sweep.
var long = time.Now().Add(-sweepAfter - time.Minute)

// Sweep removes old, empty directories with the names that Make uses, and nothing else. It
// does nothing in a directory with many entries.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/"
	name := func(digit string) string { return Dir + "." + digit + "123456789abcdef" }
	must(t,
		os.Mkdir(dir+name("0"), 0o700), // old: the only one that goes
		os.Mkdir(dir+name("1"), 0o700), // young
		os.MkdirAll(dir+name("2")+"/full", 0o700),
		os.WriteFile(dir+name("3"), nil, 0o600),
		os.Mkdir(dir+Dir, 0o700), os.Mkdir(dir+Dir+".short", 0o700), os.Mkdir(dir+"other", 0o700))
	for _, old := range []string{name("0"), name("2"), name("3"), Dir, Dir + ".short", "other"} {
		must(t, os.Chtimes(dir+old, long, long))
	}
	before, err := os.ReadDir(dir)
	must(t, err)
	for i := range maxSwept {
		must(t, os.WriteFile(fmt.Sprint(dir, i), nil, 0o600))
	}
	Sweep(dir)
	if _, err := os.Lstat(dir + name("0")); err != nil {
		t.Errorf("swept among many entries: %v", err)
	}
	for i := range maxSwept {
		must(t, os.Remove(fmt.Sprint(dir, i)))
	}
	Sweep(dir)
	after, err := os.ReadDir(dir)
	must(t, err)
	if _, err := os.Lstat(dir + name("0")); !errors.Is(err, fs.ErrNotExist) || len(after) != len(before)-1 {
		t.Errorf("left: %v, %v", after, err)
	}
	Sweep(dir + "missing/")
}
