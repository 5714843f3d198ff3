// Queue hands out jobs, one at a time: one worker takes each job, once.
//
// It shows [fileevent.AutoReset] and WaitClear. With AutoReset only one worker takes
// the job. With WaitClear the next job waits until the last one was taken. The
// lock lets only one process at a time wait for a clear event and then set it: if
// two processes set it, one of the two jobs would be lost.
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
			check(job.Wait(ctx)) // also takes the job
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
