package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/internal/plain"
)

const (
	// period is between two looks. A look that takes long is repeated less
	// often, so that watching takes less than a hundredth of a processor, but
	// at least every longestPeriod.
	period        = time.Second
	longestPeriod = time.Minute
)

// showLive shows what is there on a terminal until it is told to stop, and
// leaves the terminal as it was, however it ends, except for kill -9.
func (q *query) showLive(out *os.File) int {
	if err := canRedraw(out); err != nil {
		q.complain(fmt.Errorf("--watch: %w", err))
		return exitUsage
	}
	l := q.look()
	if len(l.errs) > 0 {
		return q.complainAbout(l.errs)
	}
	events := make(chan os.Signal, 8)
	signal.Notify(events, append(endSignals, otherSignals...)...)
	s := &screen{out: out}
	defer s.leave() // even if this panics, so that the trace can be read
	s.enter()
	keys := s.keys()
	var before []fsync.Circle
	for {
		circles := l.circles()
		s.show(l, confirmed(before, circles))
		before = circles
		next := time.NewTimer(pause(time.Since(l.at)))
		for wait := true; wait; {
			select {
			case <-next.C:
				wait = false
			case key := <-keys:
				if key == 'q' || key == 3 { // Ctrl-C, if the terminal makes no signal of it
					return 0
				}
			case sig := <-events:
				status, ends := s.handle(sig)
				if ends {
					return status
				}
				wait = false
			}
		}
		next.Stop()
		l = q.look()
		if s.err != nil {
			s.leave()
			return q.fail(s.err)
		}
	}
}

// pause is how long to wait after a look that took so long.
func pause(took time.Duration) time.Duration {
	return min(max(200*took, period), longestPeriod)
}

// handle does what a signal asks for.
func (s *screen) handle(sig os.Signal) (status int, ends bool) {
	switch {
	case sig == os.Interrupt:
		return 0, true // it is how one stops watching
	case isStop(sig):
		s.leave()
		stopSelf()
		s.enter()
	case isResize(sig): // the next draw sees it
	default:
		return exitSignal + number(sig), true
	}
	return 0, false
}

func canRedraw(out *os.File) error {
	if _, _, ok := size(out); !ok {
		return errors.New("stdout is not a terminal")
	}
	if isDumb() {
		return fmt.Errorf("a terminal of type %q cannot be drawn on", os.Getenv("TERM"))
	}
	return nil
}

// show draws a look.
func (s *screen) show(l *look, circles []fsync.Circle) {
	width, height, ok := size(s.out)
	if !ok {
		width, height = 80, 24
	}
	s.draw(l.frame(circles, palette(hasColours(s.out)), width, height), width, height)
}

// frame is what is on the screen: as many lines as fit, the busy ones first,
// and at the end what is wrong.
func (l *look) frame(circles []fsync.Circle, c colours, width, height int) []string {
	v := l.view(circles)
	labels, busy := v.busyFirst(l.labels)
	foot := fmt.Sprintf("%d of %d busy", busy, len(v.Entries))
	if len(l.dirs) > 0 {
		foot += " in " + plain.Harmless(l.where())
	}
	var below []string
	for _, d := range v.Deadlocks {
		below = append(append(below, ""), d.lines(c, width)...)
	}
	for _, err := range l.errs {
		below = append(below, styled(fit(plain.Harmless(err.Error()), width), c.bad, c))
	}
	below = append(below, "", styled(fit(foot+"; q ends", width), c.idle, c))
	below = below[max(len(below)-height, 0):]
	room := height - len(below)
	v.Deadlocks, v.Entries = nil, v.Entries[:min(len(v.Entries), room)] // each takes a line at least
	lines := v.lines(labels, c, width)
	return append(lines[:min(len(lines), room)], below...)
}
