package fileevent_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
)

// One process prepares something, another needs it. They agree on a path and
// on nothing else, and may start in any order.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "db.ready")

	go func() { // or another process, or: touch db.ready
		if err := fileevent.New(path).Set(); err != nil {
			log.Print(err)
		}
	}()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := fileevent.New(path).Wait(ctx); err != nil {
		log.Print(err)
		return
	}
	fmt.Println("the database is ready")
	// Output: the database is ready
}

// WaitFor tells a timeout from a failure.
func ExampleEvent_WaitFor() {
	stop := fileevent.New(filepath.Join(os.TempDir(), "example.stop"))
	switch set, err := stop.WaitFor(10 * time.Millisecond); {
	case err != nil:
		log.Print(err) // it cannot be known
	case set:
		fmt.Println("somebody wants us to stop")
	default:
		fmt.Println("go on")
	}
	// Output: go on
}

// Each Set is for one of the workers, whichever comes first.
func ExampleAutoReset() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	job := fileevent.New(filepath.Join(dir, "job"), fileevent.AutoReset())

	if err := job.Set(); err != nil {
		log.Print(err)
	}
	for range 2 { // or two processes
		mine, err := job.WaitFor(0)
		if err != nil {
			log.Print(err)
		}
		fmt.Println(mine)
	}
	// Output:
	// true
	// false
}

// A worker works until it is told to stop, or to read its settings again.
func ExampleWaitAny() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	stop := fileevent.New(filepath.Join(dir, "stop"))
	reload := fileevent.New(filepath.Join(dir, "reload"), fileevent.AutoReset())

	if err := reload.Set(); err != nil { // or: touch reload
		log.Print(err)
	}
	switch i, err := fileevent.WaitAny(context.Background(), stop, reload); {
	case err != nil:
		log.Print(err)
	case i == 0:
		fmt.Println("stop")
	case i == 1:
		fmt.Println("read the settings")
	}
	// Output: read the settings
}

// Who finds an event set can ask why.
func ExampleEvent_Info() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "maintenance")

	if err := fileevent.New(path, fileevent.Note("new disks")).Set(); err != nil {
		log.Print(err)
	}
	info, err := fileevent.New(path).Info()
	if err != nil {
		log.Print(err)
	}
	fmt.Println(info.Set, info.Note, info.PID == os.Getpid())
	// Output: true new disks true
}
