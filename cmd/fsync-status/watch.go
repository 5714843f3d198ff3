package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/internal/locktable"
)

const (
	// period is between two glances, and between two looks if these are cheap.
	period = time.Second
	// Looking takes one part of idleShare of a processor's time at most, and
	// one of busyShare while things change.
	idleShare = 200
	busyShare = 10
	// longestPause is between two looks, however much they take.
	longestPause = 5 * time.Minute
)

// A watch shows what is there again and again. At each glance it draws how
// long things have lasted by now; who holds what it asks less often, unless
// something has changed.
type watch struct {
	q       *query
	glance  func() string
	screen  *screen
	picture *picture
	at      place            // which part of the picture is on the screen
	page    int              // how many lines of it
	circles []fsync.Deadlock // those of the last look, confirmed or not
	signs   string           // what a glance saw before the last look
	looked  time.Time        // when that was over
	took    time.Duration    // time of a processor
}

// showLive shows what is there on a terminal until it is told to stop, and
// leaves the terminal as it was, however it ends, except for kill -9.
func (q *query) showLive(out *os.File) int {
	if err := canRedraw(out); err != nil {
		q.program.Complain(fmt.Errorf("--watch: %w", err).Error())
		return cli.ExitUsage
	}
	w := &watch{q: q, glance: q.glance, screen: &screen{out: out}}
	if errs := w.look(); len(errs) > 0 {
		return q.complainAbout(errs)
	}
	events := make(chan os.Signal, 8)
	signal.Notify(events, append(endSignals, otherSignals...)...)
	s := w.screen
	defer s.leave() // even if this panics, so that the trace can be read
	s.enter()
	s.obey()
	keys := s.keys()
	next := time.NewTicker(period)
	defer next.Stop()
	for w.show(); s.err == nil; w.show() {
		select {
		case <-next.C:
			if w.isDue(time.Since(w.looked)) {
				w.look()
			}
		case key := <-keys:
			if key == 'q' || key == 3 { // Ctrl-C, if the terminal makes no signal of it
				return 0
			}
			w.at = key.scroll(w.at, w.page)
		case sig := <-events:
			if status, ends := s.handle(sig); ends {
				return status
			}
		}
	}
	s.leave()
	return q.program.Fail(cli.ExitOutput, s.err)
}

// obey has a signal end this process even if that hangs in a write, because
// the terminal takes nothing any more. It has a second to leave the screen.
func (s *screen) obey() {
	ends, restore := make(chan os.Signal, 1), s.restore
	signal.Notify(ends, endSignals...)
	go func() {
		sig := <-ends
		for hangs := false; !hangs; hangs = !term.Takes(s.out) {
			time.Sleep(time.Second)
		}
		restore()
		os.Exit(statusOf(sig))
	}()
}

// look looks again. What changes meanwhile, the next glance sees.
func (w *watch) look() []error {
	before := cpuTime()
	w.signs = w.glance()
	l := w.q.look()
	circles := l.circles()
	w.picture = l.picture(confirmed(w.circles, circles), w.q.all)
	w.circles = circles
	w.looked, w.took = time.Now(), cpuTime()-before
	return l.errs
}

// isDue reports whether to look again, so long after the last look. Its cost is
// counted in time of a processor: on a busy machine a look takes long, but
// costs no more.
func (w *watch) isDue(later time.Duration) bool {
	switch {
	case later >= min(idleShare*w.took, longestPause):
		return true
	case later < busyShare*w.took:
		return false
	}
	return len(w.circles) > len(w.picture.view.Deadlocks) || w.glance() != w.signs
}

// glance returns what differs if something has changed, most of it at least,
// and costs little: what the kernel says of flock(2) locks, and when the
// operands' directories were changed.
func (q *query) glance() string {
	operands := q.operands
	if len(operands) == 0 {
		dir, _ := userdir.Default()
		operands = []string{dir}
	}
	signs := locktable.Flocks()
	for _, operand := range operands {
		info, err := os.Stat(operand)
		if err != nil || !info.IsDir() {
			info, err = os.Stat(filepath.Dir(operand))
		}
		if err == nil {
			signs += info.ModTime().String()
		}
		signs += "\n"
	}
	return signs
}

// handle does what a signal asks for.
func (s *screen) handle(sig os.Signal) (status int, ends bool) {
	switch {
	case isStop(sig):
		stopSelf(s.leave)
		s.enter()
	case isResize(sig): // the next draw sees it
	default:
		return statusOf(sig), true
	}
	return 0, false
}

// statusOf is the exit status when a signal ends watching.
func statusOf(sig os.Signal) int {
	if sig == os.Interrupt {
		return 0 // it is how one stops watching
	}
	return cli.ExitSignal + number(sig)
}

func canRedraw(out *os.File) error {
	if !term.IsTerminal(out) {
		return errors.New("stdout is not a terminal")
	}
	if isDumb() {
		return fmt.Errorf("a terminal of type %q cannot be drawn on", os.Getenv("TERM"))
	}
	return nil
}

// show draws what was there at the last look, if the terminal takes it: one
// that Ctrl-S has stopped is drawn on later.
func (w *watch) show() {
	s := w.screen
	if !term.Takes(s.out) {
		return
	}
	width, height, _ := term.Size(s.out)
	f := w.picture.frame(time.Now(), styleOf(hasColours(s.out)), width, height, w.at)
	w.at, w.page = f.at, f.page
	s.draw(f.lines, width, height)
}
