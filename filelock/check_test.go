package filelock_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
)

// A checker is a Lock or a Semaphore.
type checker interface {
	acquirer
	Check() error
}

// mustCheck fails the test unless Check returns the error, in a PathError with the path.
func mustCheck(t *testing.T, l checker, want error, path string) {
	t.Helper()
	err := l.Check()
	if want == nil {
		if err != nil {
			t.Fatalf("Check = %v", err)
		}
		return
	}
	var at *fs.PathError
	if !errors.Is(err, want) || !errors.As(err, &at) || at.Path != path {
		t.Fatalf("Check = %v, want %v of %s", err, want, path)
	}
	for _, other := range []error{filelock.ErrLost, filelock.ErrNotHeld, filelock.ErrLocked} {
		if other != want && errors.Is(err, other) {
			t.Fatalf("Check = %v is also %v", err, other)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, l := range []checker{
		filelock.New(filepath.Join(dir, "a.lock")),
		filelock.New(filepath.Join(dir, "b.lock"), filelock.Shared()),
		filelock.NewSemaphore(filepath.Join(dir, "a.sem"), 2),
	} {
		mustCheck(t, l, filelock.ErrNotHeld, l.Path())
		for range 2 {
			mustTry(t, l, true)
			for range 3 {
				mustCheck(t, l, nil, "")
			}
			mustRelease(t, l)
			mustCheck(t, l, filelock.ErrNotHeld, l.Path())
		}
	}
	one, two := filelock.New(filepath.Join(dir, "a.lock")), filelock.New(filepath.Join(dir, "a.lock"))
	mustTry(t, one, true)
	mustTry(t, two, false)
	mustCheck(t, two, filelock.ErrNotHeld, two.Path()) // another Lock holds it
	mustCheck(t, one, nil, "")
}

func BenchmarkCheck(b *testing.B) {
	l := filelock.New(lockPath(b))
	mustAcquire(b, l)
	for b.Loop() {
		if err := l.Check(); err != nil {
			b.Fatal(err)
		}
	}
}

// A program that works in steps checks before each step that it still has the lock.
func ExampleLock_Check() {
	lock := filelock.New(filepath.Join(dir(), "check.lock"))
	fmt.Println(errors.Is(lock.Check(), filelock.ErrNotHeld))
	if ok, err := lock.TryAcquire(); !ok || err != nil {
		fmt.Println(ok, err)
		return
	}
	defer lock.Release()
	for step := range 3 {
		if err := lock.Check(); err != nil {
			fmt.Println(err) // ErrLost: another process may work now
			return
		}
		fmt.Println("step", step)
	}
	// Output:
	// true
	// step 0
	// step 1
	// step 2
}
