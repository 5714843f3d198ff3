// Reload reads a file again each time another process publishes a new version.
//
// It shows [fileevent.Watch]: each listener sees the last version, even if the
// listener was busy or just starting when that version was published.
//
//	go run ./examples/reload listen /tmp/config &
//	go run ./examples/reload publish /tmp/config 'version 2'
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/fsync-lock/fsync/fileevent"
)

func main() {
	if len(os.Args) < 3 || os.Args[1] == "publish" && len(os.Args) < 4 {
		log.Fatal("usage: reload listen FILE | reload publish FILE TEXT")
	}
	path := os.Args[2]
	changed := fileevent.New(path + ".changed")
	if os.Args[1] == "publish" {
		check(publish(path, os.Args[3]))
		check(changed.Set())
		return
	}
	// Make the Watch before the first load. Otherwise a version that is published
	// during the load would be missed.
	changes, err := changed.Watch()
	check(err)
	for {
		text, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			log.Fatal(err)
		}
		fmt.Printf("loaded %q\n", text)
		check(changes.Next(context.Background()))
	}
}

// publish replaces the file in one step, so that no listener reads a partial file.
func publish(path, text string) error {
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(tmp, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
