// Build-once builds a file that many processes need. One process builds it, and the
// others wait. If the builder dies, the next process builds.
//
// It shows a lock and an event together. The event means that the file is complete.
// Without the lock, all processes would build. Without the event, the next holder of
// the lock would not know whether the previous one has finished or died.
//
//	for i in 1 2 3; do go run ./examples/build-once /tmp/artifact & done; wait
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
)

func main() {
	takes := flag.Duration("takes", time.Second, "how long it takes to build")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: build-once [-takes DURATION] FILE")
	}
	path := flag.Arg(0)
	built, lock := fileevent.New(path+".built"), filelock.New(path+".lock")
	err := lock.With(context.Background(), func(context.Context) error {
		if set, err := built.IsSet(); set || err != nil {
			return err
		}
		fmt.Println("building")
		time.Sleep(*takes)
		if err := os.WriteFile(path, []byte("artifact\n"), 0o644); err != nil {
			return err
		}
		return built.Set()
	})
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("uses %q\n", text)
}
