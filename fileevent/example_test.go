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
