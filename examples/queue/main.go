// Queue hands out jobs, one at a time: one worker takes each job, once.
//
// It shows [fileevent.AutoReset] and WaitClear. With AutoReset, only one worker takes
// the job. With WaitClear, a process puts a job only after the last one was taken. The
// lock is for the processes that put jobs: if two of them set the event at the same
// time, one of the two jobs would be lost.
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
	default:
		log.Fatal("usage: queue [-dir DIRECTORY] [-jobs JOBS] work|put")
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
