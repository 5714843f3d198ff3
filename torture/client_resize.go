//go:build linux

package main

import (
	"errors"
	"io/fs"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// mostSlots is the largest number of slots of a semaphore that is resized. It is larger than
// the number of its clients.
const mostSlots = 12

// maySlots returns the largest number of slots that the semaphore ever has.
func (o object) maySlots() int {
	if o.resized {
		return mostSlots
	}
	return o.permit
}

// newSemaphore returns a Semaphore with the number of slots that the semaphore has now. If
// the number changes before the first acquisition, that one fails.
func (c *client) newSemaphore() *filelock.Semaphore {
	n := c.object.permit
	if c.object.resized {
		c.do(record{Op: opSlots}, func(r *record) {
			slots, err := filelock.Slots(c.path(c.object))
			switch {
			case errors.Is(err, fs.ErrNotExist): // nobody has used the semaphore yet
				r.Result = no
			case err != nil:
				r.fail(err)
			default:
				r.Result, r.Slept, n = ok, int64(slots), slots
			}
		})
		c.unused = n
	}
	return filelock.NewSemaphore(c.path(c.object), n)
}

// resize changes the number of slots. It returns whether it did; if not, slots that it would
// remove are held, or another process changes the number.
func (c *client) resize(s *filelock.Semaphore, slots int) bool {
	return c.do(record{Op: opResize, Slept: int64(slots)}, func(r *record) {
		err := s.Resize(slots)
		if errors.Is(err, filelock.ErrLocked) {
			r.Result = no
			return
		}
		r.became(err)
	}).Result == ok
}

// resizeOften changes the number several times without a pause: several times in one tick of
// the file system's clock.
func (c *client) resizeOften() {
	s := c.newSemaphore()
	for ; !c.isEnding(); c.sleep(c.upTo(30 * time.Millisecond)) {
		for range 1 + c.rng.IntN(6) {
			c.resize(s, 1+c.rng.IntN(6))
		}
		if c.chance(30) && c.useOnce(s) == otherNumber || c.chance(10) {
			s = c.newSemaphore()
		}
	}
}

// growWhileHeld holds the only slot, so that the others wait for it, and then adds slots. The
// waiters must notice them.
func (c *client) growWhileHeld() {
	s := c.newSemaphore()
	for ; !c.isEnding(); c.sleep(c.upTo(time.Millisecond)) {
		if !c.resize(s, 1) {
			continue
		}
		a := c.acquire(s)
		if a.Result != ok {
			continue
		}
		leave := c.enter(a)
		c.sleep(150 * time.Millisecond)
		if c.resize(s, mostSlots) {
			c.sleep(c.upTo(3 * time.Second))
		}
		leave()
		c.release(s, a)
	}
}
