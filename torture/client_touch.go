//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
	"golang.org/x/sys/unix"
)

// setAgain sets an event whose marker stays, because it has other content than a record.
func (c *client) setAgain(e *fileevent.Event) {
	for !c.isEnding() {
		c.set(e)
		c.sleep(300*time.Millisecond + c.upTo(time.Second))
	}
}

// meddle makes and removes the marker as other programs do: with the system calls of touch(1),
// ln(1) and rm(1). It also clears the event as fsync-event(1) does.
func (c *client) meddle(e *fileevent.Event) {
	template := filepath.Join(filepath.Dir(c.path(c.object)), "template.event")
	if f, err := os.OpenFile(template, os.O_CREATE, 0o666); err == nil {
		f.Close()
	}
	for !c.isEnding() {
		switch p := c.rng.IntN(100); {
		case p < 30:
			c.mark(0, c.touch)
		case p < 40: // pulses in one tick of the clock
			for range 2 + c.rng.IntN(3) {
				c.mark(0, c.touch)
				c.clear(e)
			}
			c.sleep(c.upTo(20 * time.Millisecond))
		case p < 48:
			c.mark(0, c.writeOther)
		case p < 53:
			c.mark(0, func(path string) error { return os.Symlink("nowhere", path) })
		case p < 60: // a wait may take such a marker for the tombstone
			c.mark(noTrace, func(path string) error { return os.Link(template, path) })
		case p < 67:
			tombstone := filepath.Join(filepath.Dir(template), ".fsync", filepath.Base(c.object.path)+".pulse")
			c.mark(noTrace, func(path string) error { return os.Link(tombstone, path) })
		case p < 79:
			c.unmark()
		case p < 84:
			c.linkSoon(template)
		default:
			c.clear(e)
		}
		if c.chance(2) { // waits that have missed something are late
			c.sleep(c.quietTime())
		}
		c.sleep(c.upTo(c.habit.pause))
	}
}

// linkSoon links the marker as soon as there is none, again and again. So a link may come in
// the middle of a Clear.
func (c *client) linkSoon(template string) {
	for end := time.Now().Add(c.upTo(10 * time.Millisecond)); time.Now().Before(end); {
		c.mark(noTrace, func(path string) error {
			err := os.Link(template, path)
			for n := 0; errors.Is(err, fs.ErrExist) && n < 100; n++ {
				err = os.Link(template, path)
			}
			return err
		})
	}
}

// mark makes the marker, unless there is one.
func (c *client) mark(flags flags, create func(path string) error) {
	c.do(record{Op: opSet, Flags: byPeer | flags}, func(r *record) {
		switch err := create(c.path(c.object)); {
		case errors.Is(err, fs.ErrExist):
			r.Result = no
		case errors.Is(err, fs.ErrNotExist): // there is no tombstone to link to
			r.Result = cancelled
		default:
			r.became(err)
		}
	})
}

// unmark removes the marker.
func (c *client) unmark() {
	c.do(record{Op: opClear, Flags: byPeer | noTrace}, func(r *record) {
		err := unix.Unlink(c.path(c.object))
		if r.became(err); err == unix.ENOENT {
			r.Result = no
		}
	})
}

// touch does what touch(1) does.
func (c *client) touch(path string) error {
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o666)
	if err == unix.EEXIST {
		os.Chtimes(path, time.Now(), time.Now())
	}
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// writeOther makes a marker that has other content than a record.
func (c *client) writeOther(path string) error {
	draft := filepath.Join(filepath.Dir(path), fmt.Sprintf("draft-%d.event", c.number))
	if err := os.WriteFile(draft, []byte("{}\n"), 0o666); err != nil {
		return err
	}
	return errors.Join(os.Link(draft, path), os.Remove(draft))
}
