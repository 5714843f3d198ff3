//go:build linux

package main

import (
	"time"

	"github.com/fsync-lock/fsync/fileevent"
)

// swept reports whether the event is set and cleared often beside processes that tidy. A Watch
// that is busy meanwhile looks only afterwards.
func (o object) swept() bool {
	return o.tidied && o.slow && o.kind == manualEvent && o.number%3 == 0
}

// pulseAndTidy makes some pulses, and sometimes calls Tidy after one, so that the next Clear
// comes in the middle of the Tidy of another process. Only the last pulse shows if one is lost.
func (c *client) pulseAndTidy(e *fileevent.Event) {
	for !c.isEnding() {
		for more := true; more; more = c.chance(60) {
			c.set(e)
			c.clear(e)
			if c.chance(50) {
				e.Tidy()
			}
		}
		c.sleep(5*time.Millisecond + c.upTo(50*time.Millisecond))
	}
}

// tidyEvent calls Tidy again and again for some milliseconds, so that Clears and takes of
// other processes come in between.
func (c *client) tidyEvent(e *fileevent.Event) {
	for !c.isEnding() {
		for end := time.Now().Add(c.upTo(3 * time.Millisecond)); time.Now().Before(end); {
			e.Tidy()
		}
		c.sleep(c.upTo(20 * time.Millisecond))
	}
}
