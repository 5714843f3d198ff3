// Event-setter sets the event that event-worker waits for.
//
// It shows [fileevent.Event.Set]. Start it before or after the workers; every
// one of them proceeds.
//
//	go run ./examples/event-setter
//
// The marker may be given as argument. To clear the event, remove the marker.
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
