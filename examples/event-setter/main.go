// Event-setter sets the event that event-worker waits for.
//
// It shows [fileevent.Event.Set]. It may run before or after the workers start; all of
// them proceed.
//
//	go run ./examples/event-setter
//
// The path of the marker may be given as an argument. To clear the event, remove
// the marker.
package main

import (
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
	fmt.Println("Setting the event!")
	if err := fileevent.New(path).Set(); err != nil {
		log.Fatal(err)
	}
}
