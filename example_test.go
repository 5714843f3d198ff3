package fsync_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"sync"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
)

// All programs that open the directory share the lock and the event.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	m, err := fsync.Open(filepath.Join(dir, "backup"))
	if err != nil {
		log.Print(err)
		return
	}
	lock, err := m.NewLock("nightly")
	if err != nil {
		log.Print(err)
		return
	}
	done, err := m.NewEvent("done")
	if err != nil {
		log.Print(err)
		return
	}
	err = lock.With(context.Background(), func(context.Context) error {
		fmt.Println("one process at a time")
		return done.Set()
	})
	if err != nil {
		log.Print(err)
	}
	fmt.Println(done.IsSet())
	// Output:
	// one process at a time
	// true <nil>
}

// With this mode, the directory is for the processes of one user only.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	m, err := fsync.Open(filepath.Join(dir, "mine"), fsync.Perm(0o700))
	if err != nil {
		log.Print(err)
		return
	}
	info, err := os.Stat(m.Dir())
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(filepath.Base(m.Dir()), info.IsDir())
	// Output: mine true
}

// NewLock checks the name, so it may come from a user.
func ExampleManager_NewLock() {
	m := shared()
	for _, name := range []string{"nightly", "../../etc/passwd"} {
		lock, err := m.NewLock(name, filelock.Note("the example"))
		switch {
		case errors.Is(err, fs.ErrInvalid):
			fmt.Println(err)
		case err != nil:
			log.Print(err)
		default:
			fmt.Println(filepath.Base(lock.Path()))
		}
	}
	// Output:
	// nightly.lock
	// invalid name "../../etc/passwd": it begins with a dot or a space
}

// At most three processes upload at a time.
func ExampleManager_NewSemaphore() {
	uploads, err := shared().NewSemaphore("uploads", 3)
	if err != nil {
		log.Print(err)
		return
	}
	err = uploads.With(context.Background(), func(context.Context) error {
		fmt.Println("uploading")
		return nil
	})
	if err != nil {
		log.Print(err)
	}
	// Output: uploading
}

// With AutoReset, each Set lets one worker go on.
func ExampleManager_NewEvent() {
	job, err := shared().NewEvent("job", fileevent.AutoReset())
	if err != nil {
		log.Print(err)
		return
	}
	if err := job.Set(); err != nil { // or: fsync-event set --name job --dir DIR
		log.Print(err)
	}
	fmt.Println(job.WaitFor(0))
	fmt.Println(job.WaitFor(0))
	// Output:
	// true <nil>
	// false <nil>
}

// List shows the locks, semaphores and events in a directory.
func ExampleManager_List() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	m, err := fsync.Open(dir)
	if err != nil {
		log.Print(err)
		return
	}
	lock, err := m.NewLock("nightly")
	if err == nil {
		err = lock.Acquire(context.Background())
	}
	if err != nil {
		log.Print(err)
		return
	}
	defer lock.Release()
	done, err := m.NewEvent("done")
	if err == nil {
		err = done.Set()
	}
	if err != nil {
		log.Print(err)
		return
	}

	entries, err := m.List()
	if err != nil {
		log.Print(err)
	}
	for _, e := range entries {
		switch e.Kind {
		case fsync.KindEvent:
			fmt.Println(e.Kind, e.Name, e.Set)
		default:
			fmt.Println(e.Kind, e.Name, e.Status())
		}
	}
	// Output:
	// event done true
	// lock nightly held
}

// Inspect is for files that are not in the directory of a Manager.
func ExampleInspect() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ready := filepath.Join(dir, "ready.event")
	if err := fileevent.New(ready).Set(); err != nil {
		log.Print(err)
	}
	entries := []fsync.Entry{{Kind: fsync.KindEvent, Path: ready}}
	fsync.Inspect(entries)
	fmt.Println(entries[0].Set, entries[0].Err)
	// Output: true <nil>
}

// shared returns the Manager of a temporary directory.
var shared = sync.OnceValue(func() *fsync.Manager {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	m, err := fsync.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	return m
})

// Two processes wait for each other. A program should inspect a second time and trust
// only a deadlock that both inspections show.
func ExampleDeadlocks() {
	entries := []fsync.Entry{ // as List returns them
		{Kind: fsync.KindLock, Name: "disk", Path: "/run/backup/disk.lock",
			State: filelock.State{Holders: []filelock.Holder{{PID: 10}}, Waiters: []filelock.Waiter{{PID: 20}}}},
		{Kind: fsync.KindLock, Name: "tape", Path: "/run/backup/tape.lock",
			State: filelock.State{Holders: []filelock.Holder{{PID: 20}}, Waiters: []filelock.Waiter{{PID: 10}}}},
	}
	for _, deadlock := range fsync.Deadlocks(entries) {
		for _, link := range deadlock {
			fmt.Println("process", link.PID, "waits for", link.WaitsFor.Name)
		}
	}
	// Output:
	// process 10 waits for tape
	// process 20 waits for disk
}
