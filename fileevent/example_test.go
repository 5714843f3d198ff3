package fileevent_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
)

// One process prepares a database, another needs it. They share only a path, and
// may start in any order.
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
		log.Print(err) // the state is not known
	case set:
		fmt.Println("stop")
	default:
		fmt.Println("go on")
	}
	// Output: go on
}

// One worker takes the event, the one that comes first.
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

// A program that finds an event set can find out why.
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

// Wait ends when the event is set, or with its context.
func ExampleEvent_Wait() {
	ready := fileevent.New(filepath.Join(os.TempDir(), "example.ready"))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	switch err := ready.Wait(ctx); {
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Println("not set in time")
	case err != nil:
		log.Print(err) // the wait failed
	default:
		fmt.Println("ready")
	}
	// Output: not set in time
}

// While the event is set, Wait returns at once. Clear ends that.
func ExampleEvent_Clear() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	e := fileevent.New(filepath.Join(dir, "maintenance"))
	if err := e.Set(); err != nil {
		log.Print(err)
	}
	fmt.Println(e.IsSet())
	if err := e.Clear(); err != nil {
		log.Print(err)
	}
	fmt.Println(e.IsSet())
	// Output:
	// true <nil>
	// false <nil>
}

// A producer waits until its last item was taken.
func ExampleEvent_WaitClear() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "full")
	full := fileevent.New(path)

	taken := make(chan error)
	go func() { // or another process
		taken <- fileevent.New(path, fileevent.AutoReset()).Wait(context.Background())
	}()
	if err := full.Set(); err != nil {
		log.Print(err)
	}
	if err := full.WaitClear(context.Background()); err != nil {
		log.Print(err)
	}
	fmt.Println("room for the next item", <-taken)
	// Output: room for the next item <nil>
}

// A server reads its settings, and reads them again after each change. It misses no
// change, even one that comes while it reads. Any number of servers may watch.
func ExampleEvent_Watch() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	changed := fileevent.New(filepath.Join(dir, "changed"))
	watch, err := changed.Watch() // before the settings are read
	if err != nil {
		log.Print(err)
		return
	}
	for version := 1; version <= 2; version++ { // or: touch changed
		if err := changed.Set(); err != nil {
			log.Print(err)
		}
	}
	if err := watch.Next(context.Background()); err != nil {
		log.Print(err)
		return
	}
	fmt.Println("read the settings: once, for both changes")

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	fmt.Println("again?", watch.Next(ctx) == nil)
	// Output:
	// read the settings: once, for both changes
	// again? false
}

// A job needs both the database and the network.
func ExampleWaitAll() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	database := fileevent.New(filepath.Join(dir, "database"))
	network := fileevent.New(filepath.Join(dir, "network"))

	for _, e := range []*fileevent.Event{database, network} { // or two other processes
		go func() {
			if err := e.Set(); err != nil {
				log.Print(err)
			}
		}()
	}
	if err := fileevent.WaitAll(context.Background(), database, network); err != nil {
		log.Print(err)
		return
	}
	fmt.Println("both are there")
	// Output: both are there
}

// An event that was set last night does not count tonight.
func ExampleMaxAge() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "dumped")
	if err := fileevent.New(path).Set(); err != nil {
		log.Print(err)
	}
	time.Sleep(time.Millisecond)

	fmt.Println(fileevent.New(path, fileevent.MaxAge(12*time.Hour)).WaitFor(0))
	fmt.Println(fileevent.New(path, fileevent.MaxAge(time.Microsecond)).WaitFor(0))
	// Output:
	// true <nil>
	// false <nil>
}

// A worker that takes a job reads its note.
func ExampleOnTake() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "job")
	if err := fileevent.New(path, fileevent.Note("thumbnails")).Set(); err != nil {
		log.Print(err)
	}
	job := fileevent.New(path, fileevent.AutoReset(), fileevent.OnTake(func(info fileevent.Info) {
		fmt.Println("took", info.Note)
	}))
	if err := job.Wait(context.Background()); err != nil {
		log.Print(err)
	}
	// Output: took thumbnails
}
