package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// dir returns a directory for the lock files of the examples.
var dir = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	return dir
})

func removeDir() { os.RemoveAll(dir()) }

// Any number of processes may run this at the same time. They work one after the other.
func Example() {
	lock := filelock.New(filepath.Join(dir(), "backup.lock"))
	err := lock.With(context.Background(), func(context.Context) error {
		fmt.Println("one process at a time")
		return nil
	})
	if err != nil {
		log.Print(err)
	}
	// Output: one process at a time
}

// With returns the error of the work, and releases the lock in any case.
func ExampleLock_With() {
	lock := filelock.New(filepath.Join(dir(), "with.lock"))
	full := errors.New("the disk is full")

	err := lock.With(context.Background(), func(ctx context.Context) error {
		return full
	})
	fmt.Println(errors.Is(err, full))
	fmt.Println(lock.TryAcquire())
	// Output:
	// true
	// true <nil>
}

// A wait ends with its context. ErrLocked means that the lock is held; after any other error,
// the file cannot be locked.
func ExampleLock_Acquire() {
	path := filepath.Join(dir(), "acquire.lock")
	other := filelock.New(path) // as if in another process
	if err := other.Acquire(context.Background()); err != nil {
		log.Print(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	lock := filelock.New(path)
	switch err := lock.Acquire(ctx); {
	case errors.Is(err, filelock.ErrLocked):
		fmt.Println("another process works")
	case err != nil:
		log.Print(err) // no such directory, no permission, ...
	default:
		defer lock.Release()
		fmt.Println("my turn")
	}
	// Output: another process works
}

// TryAcquire never waits.
func ExampleLock_TryAcquire() {
	lock := filelock.New(filepath.Join(dir(), "try.lock"))
	for range 2 {
		ok, err := lock.TryAcquire()
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(ok)
	}
	if err := lock.Release(); err != nil {
		log.Print(err)
	}
	// Output:
	// true
	// false
}

// TryAcquireFor waits for a limited time.
func ExampleLock_TryAcquireFor() {
	lock := filelock.New(filepath.Join(dir(), "tryfor.lock"))
	ok, err := lock.TryAcquireFor(5 * time.Second)
	if err != nil {
		log.Print(err)
		return
	}
	if !ok {
		fmt.Println("the last run is still going")
		return
	}
	defer lock.Release()
	fmt.Println("working")
	// Output: working
}

// The program prints a message before it waits.
func ExampleOnWait() {
	path := filepath.Join(dir(), "wait.lock")
	other := filelock.New(path) // as if in another process
	if err := other.Acquire(context.Background()); err != nil {
		log.Print(err)
	}
	lock := filelock.New(path, filelock.OnWait(func() {
		fmt.Println("waiting for the lock")
		if err := other.Release(); err != nil {
			log.Print(err)
		}
	}))
	if err := lock.Acquire(context.Background()); err != nil {
		log.Print(err)
		return
	}
	defer lock.Release()
	fmt.Println("working")
	// Output:
	// waiting for the lock
	// working
}

// Other users cannot lock the file, because they may not read it.
func ExamplePerm() {
	path := filepath.Join(dir(), "private.lock")
	lock := filelock.New(path, filelock.Perm(0o600))
	if err := lock.Acquire(context.Background()); err != nil {
		log.Print(err)
		return
	}
	defer lock.Release()
	fmt.Println(lock.TryAcquire())
	// Output: false <nil>
}

// Several readers may hold the lock at once. A writer must wait until no reader holds it.
func ExampleShared() {
	path := filepath.Join(dir(), "shared.lock")
	reader, another := filelock.New(path, filelock.Shared()), filelock.New(path, filelock.Shared())
	writer := filelock.New(path)
	fmt.Println(reader.TryAcquire())
	fmt.Println(another.TryAcquire())
	fmt.Println(writer.TryAcquire())
	// Output:
	// true <nil>
	// true <nil>
	// false <nil>
}

// A LockedError has the holders of the lock at the end of the wait.
func ExampleLockedError() {
	path := filepath.Join(dir(), "locked.lock")
	if _, err := filelock.New(path).TryAcquire(); err != nil { // as if in another process
		log.Print(err)
	}

	ctx, cancel := context.WithTimeoutCause(context.Background(), 200*time.Millisecond, errors.New("the night is over"))
	defer cancel()
	err := filelock.New(path).Acquire(ctx)
	var locked *filelock.LockedError
	if errors.As(err, &locked) {
		fmt.Println(filepath.Base(locked.Path), errors.Is(err, context.DeadlineExceeded), context.Cause(ctx))
	}
	// Output: locked.lock true the night is over
}

// Programs that need several locks take them with AcquireAll. Then they never wait for each
// other in a deadlock, whatever the order of the arguments is.
func ExampleAcquireAll() {
	disk, tape := filelock.New(filepath.Join(dir(), "disk.lock")), filelock.New(filepath.Join(dir(), "tape.lock"))
	if err := filelock.AcquireAll(context.Background(), tape, disk); err != nil {
		log.Print(err)
		return
	}
	defer disk.Release()
	defer tape.Release()
	fmt.Println("both locks are held")
	// Output: both locks are held
}

// At most three processes work at a time.
func ExampleNewSemaphore() {
	slots := filelock.NewSemaphore(filepath.Join(dir(), "uploads.sem"), 3)
	err := slots.With(context.Background(), func(context.Context) error {
		fmt.Println("uploading")
		return nil
	})
	if err != nil {
		log.Print(err)
	}
	// Output: uploading
}

// A Semaphore that is acquired several times holds several slots.
func ExampleSemaphore_TryAcquire() {
	slots := filelock.NewSemaphore(filepath.Join(dir(), "thumbs.sem"), 2)
	for range 3 {
		fmt.Println(slots.TryAcquire())
	}
	if err := slots.Release(); err != nil {
		log.Print(err)
	}
	fmt.Println(slots.TryAcquire())
	// Output:
	// true <nil>
	// true <nil>
	// false <nil>
	// true <nil>
}

// Resize changes the number of slots while the semaphore is in use. To make the number
// smaller, the last slots must be free.
func ExampleSemaphore_Resize() {
	path := filepath.Join(dir(), "resized.sem")
	slots := filelock.NewSemaphore(path, 1)
	for range 2 {
		fmt.Println(slots.TryAcquire())
		if err := slots.Resize(2); err != nil {
			log.Print(err)
		}
	}
	fmt.Println(errors.Is(slots.Resize(1), filelock.ErrLocked))
	fmt.Println(filelock.Slots(path))
	// Output:
	// true <nil>
	// true <nil>
	// true
	// 2 <nil>
}

// A program that does not know the number of slots can read it.
func ExampleSlots() {
	path := filepath.Join(dir(), "asked.sem")
	if _, err := filelock.Slots(path); errors.Is(err, os.ErrNotExist) {
		fmt.Println("never used")
	}
	slots := filelock.NewSemaphore(path, 3)
	if err := slots.Acquire(context.Background()); err != nil {
		log.Print(err)
	}
	fmt.Println(filelock.Slots(path))
	// Output:
	// never used
	// 3 <nil>
}
