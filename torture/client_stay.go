//go:build linux

package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// replaceByHolder is a fault that the clients commit themselves, on locks of their own.
const replaceByHolder = "replace-by-holder"

func init() {
	addFault(&fault{name: replaceByHolder, about: "lock file removed, replaced or exchanged with another one by its holder, which stays for seconds"})
}

// stayOnOldFile takes the lock file away from the path while it holds the lock, and stays for
// seconds. The waiter must go on with the file that is at the path then.
func (c *client) stayOnOldFile() {
	l := c.newLocker()
	for ; !c.isEnding(); c.sleep(c.upTo(300 * time.Millisecond)) {
		a := c.acquire(l)
		if a.Result != ok {
			continue
		}
		leave := c.enter(a)
		undo := c.takeFileAway(l, a)
		c.do(record{Op: opCheck, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) { r.became(l.Check()) })
		c.sleep(2*time.Second + c.upTo(time.Second))
		undo()
		leave()
		c.release(l, a)
	}
}

// takeFileAway removes or replaces the lock file. undo removes what it has left.
func (c *client) takeFileAway(l locker, a record) (undo func()) {
	path := c.path(c.object)
	other := path + ".lock"
	undo = func() {}
	way := c.rng.IntN(3)
	c.do(record{Op: opReplace, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) {
		var err error
		switch way {
		case 0:
			err = os.Remove(path)
		case 1:
			if err = os.WriteFile(other, nil, 0o666); err == nil {
				err = os.Rename(other, path)
			}
		default:
			undo = func() { os.Remove(other) }
			if err = os.WriteFile(other, nil, 0o666); err == nil {
				err = c.exchangeOften(path, other)
			}
		}
		if err != nil {
			r.fail(err)
			return
		}
		r.Result = ok
		c.history.write(record{Time: now(), Client: c.number, Kind: offPath, Objects: c.object.mask(), File: a.File, Born: a.Born})
	})
	return undo
}

// exchangeOften puts the other file at the path and, again and again for half a second, puts
// the first one back for some microseconds. In the end the other file is there. So a waiter
// may look at one file and open the other one.
func (c *client) exchangeOften(path, other string) error {
	exchange := func() error {
		return unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE)
	}
	err := exchange()
	for end := time.Now().Add(500 * time.Millisecond); err == nil && time.Now().Before(end) && !c.isEnding(); {
		time.Sleep(time.Duration(c.rng.IntN(300)) * time.Microsecond)
		if err = exchange(); err == nil {
			err = exchange()
		}
	}
	return err
}
