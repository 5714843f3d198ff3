//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
	"golang.org/x/sys/unix"
)

func init() { workerCommands["listen"] = listenTo }

// listenTo waits for an event in a directory, so that this process watches the directory:
// DIRECTORY MILLISECONDS
func listenTo(w *worker, args []string, ending <-chan struct{}) {
	var ms int
	fmt.Sscan(args[1], &ms)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(ms)*time.Millisecond)
	defer cancel()
	go func() {
		select {
		case <-ending:
			cancel()
		case <-ctx.Done():
		}
	}()
	fileevent.New(filepath.Join(args[0], "never.event")).Wait(ctx)
}

// overflowQueue stops a process, changes a directory more often than its inotify queue holds
// reports, and leaves it stopped for a while, in which Sets are not reported. Only this process
// watches the directory, because the queues of all the others would take the machine's time.
func overflowQueue(r *round, rng *rand.Rand) error {
	n, err := queueLength()
	p := r.chooseRunning(rng, goProgram)
	if err != nil {
		return err
	}
	if p == nil {
		return errMissed
	}
	dir := filepath.Join(r.dir, "burst", fmt.Sprint(p.number))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := r.tell(p, "listen", dir, "1500"); err != nil {
		return unlessGone(err)
	}
	for end := time.Now().Add(300 * time.Millisecond); !p.watches(dir); r.pause(time.Millisecond) {
		if time.Now().After(end) || r.isOver() {
			return errMissed
		}
	}
	r.stopWhile(p, func() {
		r.pause(time.Millisecond) // until it is stopped
		if err = burst(filepath.Join(dir, "burst.lock"), n, r.isOver); err == nil {
			r.pause(time.Duration(rng.Int64N(int64(250 * time.Millisecond))))
		}
	})
	return err
}

// watches reports whether a process has an inotify watch on a directory.
func (p *process) watches(dir string) bool {
	var at unix.Stat_t
	if unix.Stat(dir, &at) != nil {
		return false
	}
	infos, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", p.cmd.Process.Pid))
	for _, info := range infos {
		text, _ := os.ReadFile(info)
		if strings.Contains(string(text), fmt.Sprintf(" ino:%x ", at.Ino)) { // inotify wd:1 ino:2a sdev:fe00000 ...
			return true
		}
	}
	return false
}
