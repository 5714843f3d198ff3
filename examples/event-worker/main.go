// Event-worker waits for an event that another program sets.
//
// It shows [fileevent.Event] with IsSet and Wait. The other program is event-setter,
// or touch(1). The programs share only the path of the marker:
//
//	go run ./examples/event-worker & sleep 2; go run ./examples/event-setter; wait
//
// The path of the marker may be given as an argument. The event stays set until the
// marker is removed.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/fsync-lock/fsync/fileevent"
)

func main() {
	path := filepath.Join(os.TempDir(), "example.event")
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	event := fileevent.New(path)
	fmt.Printf("Worker is waiting for the event... set=%t\n", isSet(event))
	if err := event.Wait(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Worker is proceeding! set=%t\n", isSet(event))
}

func isSet(event *fileevent.Event) bool {
	set, err := event.IsSet()
	if err != nil {
		log.Fatal(err)
	}
	return set
}
