// Reload reads a file again whenever somebody says that it has changed.
//
// It shows [fileevent.Watch]: each of the listeners sees the last version, even
// if it was busy, or just being started, when that was published.
//
//	go run ./examples/reload listen config &
//	go run ./examples/reload publish config 'version 2'
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/fsync-lock/fsync/fileevent"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: reload listen FILE | reload publish FILE TEXT")
	}
	path := os.Args[2]
	changed := fileevent.New(path + ".changed")
	if os.Args[1] == "publish" {
		check(publish(path, os.Args[3]))
		check(changed.Set())
		return
	}
	// The Watch comes first: what is published while we load is not missed.
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

// publish replaces the file in one step: nobody reads half of it.
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
