// Manager shares an event and a lock by name: processes that open the same directory use
// the same event and the same lock.
//
// It shows [fsync.Open], NewEvent and NewLock. One process waits for the event, another
// sets it. The lock keeps their lines of output apart.
//
//	go run ./examples/manager worker & sleep 2; go run ./examples/manager set; wait
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
)

func main() {
	dir := flag.String("dir", filepath.Join(os.TempDir(), "example-manager"), "`DIRECTORY` of the manager")
	flag.Parse()
	m, err := fsync.Open(*dir)
	check(err)
	event, err := m.NewEvent("ready")
	check(err)
	lock, err := m.NewLock("output")
	check(err)
	switch flag.Arg(0) {
	case "worker":
		say(lock, event, "Worker is waiting for the event...")
		check(event.Wait(context.Background()))
		say(lock, event, "Worker is proceeding!")
	case "set":
		say(lock, event, "Setting the event!")
		check(event.Set())
	default:
		log.Fatal("usage: manager [-dir DIRECTORY] worker|set")
	}
}

func say(lock *filelock.Lock, event *fileevent.Event, text string) {
	check(lock.With(context.Background(), func(context.Context) error {
		set, err := event.IsSet()
		fmt.Printf("%s set=%t\n", text, set)
		return err
	}))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
