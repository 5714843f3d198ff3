// Queue hands out jobs, one at a time: each is taken by one worker, once.
//
// It shows [fileevent.AutoReset], by which one worker takes each job, and
// WaitClear, by which the next job waits until the last one was taken. An event
// that is set twice is taken once; so only one process at a time may wait until
// it is clear and then set it. That is what the lock is for.
//
//	go run ./examples/queue work & go run ./examples/queue put; kill %1
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
)

func main() {
	dir := flag.String("dir", filepath.Join(os.TempDir(), "example-queue"), "`DIRECTORY` of the queue")
	jobs := flag.Int("jobs", 3, "how many `JOBS` to put")
	flag.Parse()
	m, err := fsync.Open(*dir)
	check(err)
	job, err := m.NewEvent("job", fileevent.AutoReset())
	check(err)
	lock, err := m.NewLock("put")
	check(err)
	ctx := context.Background()
	switch flag.Arg(0) {
	case "work":
		for {
			check(job.Wait(ctx)) // and takes it
			fmt.Println("took a job")
		}
	case "put":
		for range *jobs {
			check(lock.With(ctx, func(ctx context.Context) error {
				if err := job.WaitClear(ctx); err != nil {
					return err
				}
				return job.Set()
			}))
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
