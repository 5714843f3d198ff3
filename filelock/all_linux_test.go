package filelock_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func init() { roles["all"] = all }

// all N PATH...: takes all of the locks, N times, with the arguments in a random order.
func all(args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	for range n {
		var locks []*filelock.Lock
		for _, i := range rand.Perm(len(args) - 1) {
			locks = append(locks, filelock.New(args[i+1]))
		}
		if err := filelock.AcquireAll(context.Background(), locks...); err != nil {
			return err
		}
		for _, l := range locks {
			if err := l.Release(); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestAcquireAllMakesNoDeadlock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(dir, link))
	var procs []*testproc.Proc
	for i := range 4 {
		args := []string{"100", filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")}
		if i%2 == 0 { // other spellings, in another order
			args = []string{"100", filepath.Join(link, "c"), dir + "/./b", filepath.Join(link, "a")}
		}
		procs = append(procs, testproc.Start(t, "all", args...))
	}
	for _, p := range procs {
		p.Wait()
	}
}

// While AcquireAll waits for a lock, it holds only the locks that come before it in order.
func TestAcquireAllInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "a link that comes first")
	must(t, os.Symlink(dir, link))
	a, b, c := filelock.New(filepath.Join(dir, "a")), filelock.New(filepath.Join(dir, "b")), filelock.New(filepath.Join(link, "c"))
	holder := startHolder(t, b.Path())
	result := start(func() error { return filelock.AcquireAll(background, c, b, a) })
	awaitWaiters(t, b.Path(), 1)
	mustTry(t, filelock.New(a.Path()), false)
	mustTry(t, filelock.New(c.Path()), true) // and keeps the lock
	release(t, holder)
	awaitWaiters(t, c.Path(), 1)
	mustTry(t, filelock.New(b.Path()), false)
	mustStillWait(t, result)
}

func TestAcquireAllOrNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filelock.New(filepath.Join(dir, "a")), filelock.New(filepath.Join(dir, "b"))
	holder := startHolder(t, b.Path())
	err := timedOut(func(ctx context.Context) error { return filelock.AcquireAll(ctx, b, a) })
	if !errors.Is(err, filelock.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("AcquireAll = %v", err)
	}
	mustTry(t, a, true)
	mustRelease(t, a)
	release(t, holder)
	must(t, filelock.AcquireAll(background, b, a))
	mustRelease(t, a)
	mustRelease(t, b)
	if err := filelock.AcquireAll(background); err != nil {
		t.Errorf("without locks: %v", err)
	}
	if err := filelock.AcquireAll(background, a, filelock.New(filepath.Join(dir, "missing", "b"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a lock in a missing directory: %v", err)
	}
	mustTry(t, a, true)
}

func TestAcquireAllOfOneFileTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, prepare := range map[string]func(first, second string) (string, error){
		"new":       func(first, _ string) (string, error) { return dir + "/./" + filepath.Base(first), nil },
		"hard link": func(first, second string) (string, error) { return second, os.Link(first, second) },
	} {
		first := filepath.Join(dir, name)
		if name != "new" {
			must(t, os.WriteFile(first, nil, 0o666))
		}
		second, err := prepare(first, first+" 2")
		must(t, err)
		l := filelock.New(first)
		if err := filelock.AcquireAll(background, l, filelock.New(second)); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: AcquireAll = %v", name, err)
		}
		mustTry(t, l, true)
	}
}

// A function of OnWait that panics leaves no lock behind.
func TestAcquireAllPanics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	held, free := filepath.Join(dir, "b"), filepath.Join(dir, "a")
	mustAcquire(t, filelock.New(held))
	l := filelock.New(free)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the function was not called")
			}
		}()
		filelock.AcquireAll(background, l, filelock.New(held, filelock.OnWait(func() { panic("on purpose") })))
	}()
	mustTry(t, filelock.New(free), true)
	if err := l.Release(); !errors.Is(err, filelock.ErrNotHeld) {
		t.Error(err)
	}
}
