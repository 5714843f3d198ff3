//go:build linux

package main

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// The locks of a process that roams have one name in two directories.
const roamingName = "roam.lock"

var roamingDirs = [2]string{"still", "other"}

// A roamer is the working directory of a process.
type roamer struct {
	mu sync.RWMutex // locked for reading while a call begins, which may use either directory otherwise
	in int          // the directory, by its number in roamingDirs
}

// beginRoaming goes to the first directory, in a process that roams.
func (w *worker) beginRoaming() error {
	if w.plan.slots[w.slot].program != roamingProgram {
		return nil
	}
	return os.Chdir(filepath.Join(objectsPath(w.dir), roamingDirs[0]))
}

// roam uses the locks by their relative path. While a call waits, the working directory
// changes, but the call must go on waiting for the same file.
func (c *client) roam() {
	for ; !c.isEnding(); c.sleep(c.upTo(c.habit.pause)) {
		c.roamOnce()
	}
}

func (c *client) roamOnce() {
	c.roamer.mu.RLock()
	begun := sync.OnceFunc(c.roamer.mu.RUnlock)
	defer begun()
	here := c.on(c.plan.objects[c.habit.others[c.roamer.in]])
	l := filelock.New(roamingName, filelock.OnWait(func() {
		begun()
		delays := []time.Duration{here.shortTime(), here.shortTime(), here.shortTime()}[:1+here.rng.IntN(3)]
		c.commands.Go(func() { c.changeDirectory(delays) })
	}))
	a := here.acquire(l)
	begun()
	if a.Result != ok {
		return
	}
	leave := here.enter(a)
	here.mustBeAt(a)
	here.stay(l, a)
	leave()
	here.release(l, a)
}

// shortTime returns a random time of the order of the steps of a wait.
func (c *client) shortTime() time.Duration {
	return time.Duration(float64(5*time.Microsecond) * math.Pow(200, c.rng.Float64()))
}

// changeDirectory goes to the other directory after each of the delays. It does not sleep, because the steps of a
// wait are shorter than the shortest sleep.
func (w *worker) changeDirectory(delays []time.Duration) {
	for _, d := range delays {
		for end := time.Now().Add(d); time.Now().Before(end); {
		}
		w.roamer.mu.Lock()
		next := 1 - w.roamer.in
		if err := os.Chdir(filepath.Join(objectsPath(w.dir), roamingDirs[next])); err == nil {
			w.roamer.in = next
		}
		w.roamer.mu.Unlock()
	}
}

// mustBeAt reports a failure if the locked file is not the one in the directory in which the
// call began.
func (c *client) mustBeAt(a record) {
	at, err := identify(filepath.Join(objectsPath(c.dir), c.object.path))
	if err == nil && at == (identity{a.File, a.Born}) {
		return
	}
	c.do(record{Op: opCheck, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) {
		r.fail(errors.Join(errors.New("the lock is on another file than the call began with"), err))
	})
}
