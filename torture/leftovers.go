//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
)

// Resources are what a process uses.
type resources struct{ goroutines, descriptors, watches int }

// watcherUse is what a watcher uses: its descriptor, a goroutine of fsnotify and one of the
// library. A process that could not have a watcher at first may have one later.
var watcherUse = resources{goroutines: 2, descriptors: 1}

// mayUse returns what the process may use in the end: what it uses now, and a watcher.
func mayUse() resources {
	u := used()
	u.watches = 0 // nobody waits in the end
	if !slices.Contains(openFiles(), "anon_inode:inotify") {
		u.goroutines += watcherUse.goroutines
		u.descriptors += watcherUse.descriptors
	}
	return u
}

func used() resources { return resources{runtime.NumGoroutine(), len(openFiles()), watchCount()} }

// warmUp uses the library once. What it keeps for the whole process, such as the watcher, is
// there afterwards, and does not count as left.
func warmUp() error {
	name := fmt.Sprintf("../warm/%d", os.Getpid())
	if err := warmUpWatcher(name + ".event"); err != nil {
		return err
	}
	l, waiter := filelock.New(name), filelock.New(name)
	if err := l.Acquire(context.Background()); err != nil {
		return err
	}
	taken, err := waiter.TryAcquireFor(time.Millisecond)
	if taken {
		err = errors.New("two holders")
	}
	err = errors.Join(err, l.Release(), os.Remove(name))
	for end := time.Now().Add(3 * time.Second); gateIsThere(name) && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	return err
}

// warmUpWatcher waits for an event in vain. On a busy machine, the first deadline may pass
// before the wait needs the watcher.
func warmUpWatcher(path string) error {
	for range 5 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		err := fileevent.New(path).Wait(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("warm up: %w", err)
		}
		if slices.Contains(openFiles(), "anon_inode:inotify") {
			break
		}
	}
	return nil
}

func gateIsThere(path string) bool {
	_, err := os.Lstat(gatePath(path))
	return err == nil
}

// sweepTime is how long this library tries to remove a gate that other processes use or try to
// remove at the same moments. A process that ends earlier may leave it.
const sweepTime = 1100 * time.Millisecond

// awaitGates waits until no gate is there that this process may have to remove.
func (w *worker) awaitGates() {
	for end := time.Now().Add(sweepTime + w.plan.slowed()); w.seesGate() && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
}

// seesGate reports whether there is a gate of a lock that a client of this process uses.
func (w *worker) seesGate() bool {
	for _, h := range w.plan.slots[w.slot].clients {
		for _, n := range append([]int{h.object}, h.others...) {
			if o := w.plan.objects[n]; !o.kind.isEvent() && gateIsThere(o.gated(objectsPath(w.dir))) {
				return true
			}
		}
	}
	return false
}

// gated returns the path of the file beside which the gate of an object is.
func (o object) gated(objects string) string {
	path := filepath.Join(objects, o.path)
	if o.kind == semaphore {
		path = filepath.Join(path, "slots")
	}
	return path
}

// patience is how long what is to vanish by itself may take: a second for the watch of a
// directory, a second for a gate, and a busy machine.
const patience = 15 * time.Second

// watchPatience is the same for the watches of directories in which nobody waits. The second
// check of the directory after the last wait removes the watch, and the pause between two
// checks grows with the time that a check takes, to many seconds on a busy machine. The
// watcher itself ends after a minute.
const watchPatience = 20 * time.Second

// leftAfter waits until the process uses no more than before, and returns what is left. It
// waits for a moment in any case: if two processes sweep a gate at the same time, both may have
// to do it again some milliseconds later.
func leftAfter(before resources) string {
	var after resources
	for begin := time.Now(); ; {
		time.Sleep(100 * time.Millisecond)
		after = used()
		fewer := after.goroutines <= before.goroutines && after.descriptors <= before.descriptors
		if fewer && after.watches <= before.watches {
			return ""
		}
		if waited := time.Since(begin); waited > watchPatience || waited > patience && !fewer {
			break
		}
	}
	stacks := make([]byte, 1<<20)
	os.Stderr.Write(stacks[:runtime.Stack(stacks, true)])
	return fmt.Sprintf("%d goroutines instead of %d, %d descriptors instead of %d: %v, %d watches",
		after.goroutines, before.goroutines, after.descriptors, before.descriptors, openFiles(), after.watches)
}

// watchCount returns how many directories this process watches.
func watchCount() (n int) {
	fds, _ := filepath.Glob(procDir + "/self/fdinfo/*")
	for _, fd := range fds {
		text, _ := os.ReadFile(fd)
		n += strings.Count(string(text), "inotify wd:")
	}
	return n
}

// openFiles returns what the descriptors of this process lead to. It leaves out the root
// directory: the library opens it when it calls a wait in the kernel back for the first time,
// and keeps it open.
func openFiles() (files []string) {
	fds, _ := filepath.Glob(procDir + "/self/fd/*")
	for _, fd := range fds {
		if to, _ := os.Readlink(fd); to != "/" {
			files = append(files, to)
		}
	}
	return files
}
