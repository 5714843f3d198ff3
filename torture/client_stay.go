//go:build linux

package main

import (
	"errors"
	"os"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"golang.org/x/sys/unix"
)

// replaceByHolder is a fault that the clients commit themselves, on locks of their own.
const replaceByHolder = "replace-by-holder"

func init() {
	addFault(&fault{name: replaceByHolder, about: "lock file removed, replaced or exchanged with another one by its holder, which stays for seconds"})
}

// stayOnOldFile holds a file for seconds that is not at the path of the lock any more. The
// waiters must go on with the file that is there.
func (c *client) stayOnOldFile() {
	l := c.newLocker()
	for ; !c.isEnding(); c.sleep(c.upTo(300 * time.Millisecond)) {
		if c.chance(40) {
			c.stayOnOtherFile()
			continue
		}
		a := c.acquire(l)
		if a.Result != ok {
			continue
		}
		leave := c.enter(a)
		c.replace(a, c.takeFileAway)
		c.do(record{Op: opCheck, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) { r.became(l.Check()) })
		c.sleep(2*time.Second + c.upTo(time.Second))
		leave()
		c.release(l, a)
	}
}

// stayOnOtherFile locks a file at another path and exchanges it with the lock file, again and
// again, each time for some microseconds. So a waiter may look at one file and open the other.
func (c *client) stayOnOtherFile() {
	other := c.path(c.object) + ".lock"
	l := filelock.New(other)
	a := c.acquireBy(l, record{Limit: 1}, l.TryAcquire)
	if a.Result != ok {
		return
	}
	leave := c.enter(a)
	c.replace(a, func(path string) error { return c.exchangeOften(path, other) })
	c.sleep(2*time.Second + c.upTo(time.Second))
	os.Remove(other)
	leave()
	c.release(l, a)
}

// replace calls do, which takes the locked file away from the path for ever.
func (c *client) replace(a record, do func(path string) error) {
	c.do(record{Op: opReplace, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) {
		if err := do(c.path(c.object)); err != nil {
			r.fail(err)
			return
		}
		r.Result = ok
		c.history.write(record{Time: now(), Client: c.number, Kind: offPath, Objects: c.object.mask(), File: a.File, Born: a.Born})
	})
}

// takeFileAway removes or replaces the lock file.
func (c *client) takeFileAway(path string) error {
	if c.chance(50) {
		return os.Remove(path)
	}
	next := path + ".next.lock"
	if err := os.WriteFile(next, nil, 0o666); err != nil {
		return err
	}
	return os.Rename(next, path)
}

func (c *client) exchangeOften(path, other string) error {
	f, err := os.OpenFile(path, os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	f.Close()
	for end := time.Now().Add(600 * time.Millisecond); err == nil && time.Now().Before(end) && !c.isEnding(); {
		time.Sleep(time.Duration(c.rng.IntN(300)) * time.Microsecond)
		for range 2 {
			err = errors.Join(err, unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE))
		}
	}
	return err
}
