package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
	"github.com/fsync-lock/fsync/internal/locktable"
)

const (
	// period is the time between two draws.
	period = time.Second

	// Snapshots use at most 1/idleShare of the time of a processor, and at most
	// 1/busyShare while there are changes.
	idleShare = 200
	busyShare = 10

	// maxAge is the longest time between two snapshots, whatever they cost.
	maxAge = 5 * time.Minute
)

// A watch is the live table of --watch. It draws the last snapshot every second, because
// the times in the table grow. The less a snapshot costs, the more often it takes a new
// one. It takes one earlier if the fingerprint has changed.
type watch struct {
	takeSnapshot func() *snapshot
	fingerprint  func() string
	all          bool // --all
	screen       *screen

	pager     *pager // of the last snapshot
	at        offset
	page      int              // the number of lines that scroll in the last frame
	deadlocks []fsync.Deadlock // of the last snapshot; the pager shows only confirmed ones
	before    string           // the fingerprint before the last snapshot
	taken     time.Time        // when the last snapshot was complete
	cost      time.Duration    // its processor time
}

// showLive draws the table on the terminal until the user or a signal ends it. It
// leaves the terminal as it was, unless SIGKILL ends this process.
func (q *query) showLive(out *os.File) int {
	if err := checkTerminal(out); err != nil {
		return q.program.Fail(cli.ExitUsage, fmt.Errorf("--watch: %w", err))
	}
	s := &screen{out: out}
	w := &watch{takeSnapshot: q.takeSnapshot, fingerprint: q.fingerprint, all: q.all, screen: s}
	if w.update(); len(w.pager.errs) > 0 {
		return q.complainAbout(w.pager.errs)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, slices.Concat(endSignals, otherSignals)...)
	defer s.leave() // even if this panics: the stack trace must stay on the terminal
	s.enter()
	s.exitOnSignal()
	keys := s.keys()
	next := time.NewTicker(period)
	defer next.Stop()
	for w.draw(); s.err == nil; w.draw() {
		select {
		case <-next.C:
			if w.isDue(time.Since(w.taken)) {
				w.update()
			}
		case key := <-keys:
			if key == 'q' || key == ctrlC {
				return 0
			}
			w.at = key.scroll(w.at, w.page)
		case sig := <-signals:
			if status, ends := s.handle(sig); ends {
				return status
			}
		}
	}
	s.leave()
	return q.program.Fail(cli.ExitOutput, s.err)
}

// update takes a snapshot. The fingerprint is from before the snapshot, so a change
// during the snapshot leads to another one.
func (w *watch) update() {
	start := cpuTime()
	w.before = w.fingerprint()
	s := w.takeSnapshot()
	deadlocks := s.deadlocks()
	w.pager = s.pager(confirmed(w.deadlocks, deadlocks), w.all)
	w.deadlocks = deadlocks
	w.taken, w.cost = time.Now(), cpuTime()-start
}

// isDue reports whether to take a snapshot if the last one has this age. The cost is
// processor time: on a busy machine a snapshot takes longer, but costs no more.
func (w *watch) isDue(age time.Duration) bool {
	switch {
	case age >= min(idleShare*w.cost, maxAge):
		return true
	case age < busyShare*w.cost:
		return false
	}
	return len(w.deadlocks) > len(w.pager.listing.Deadlocks) || w.fingerprint() != w.before
}

// fingerprint returns a text that differs after most changes and costs little: the
// flock(2) locks in the kernel's table, and the times when the directories of the
// operands were modified.
func (q *query) fingerprint() string {
	operands := q.operands
	if len(operands) == 0 {
		dir, _ := userdir.Default()
		operands = []string{dir}
	}
	text := locktable.Flocks()
	for _, operand := range operands {
		info, err := os.Stat(operand)
		if err != nil || !info.IsDir() {
			info, err = os.Stat(filepath.Dir(operand))
		}
		if err == nil {
			text += info.ModTime().String()
		}
		text += "\n"
	}
	return text
}

// draw draws the last snapshot. It does nothing while the terminal is stopped, as
// after Ctrl-S.
func (w *watch) draw() {
	s := w.screen
	if !term.Writable(s.out) {
		return
	}
	width, height, _ := term.Size(s.out)
	f := w.pager.frame(time.Now(), newStyle(hasColours(s.out)), width, height, w.at)
	w.at, w.page = f.at, f.page
	s.draw(f.lines, width, height)
}

// handle handles a signal. It returns the exit status if the signal ends the watch.
func (s *screen) handle(sig os.Signal) (status int, ends bool) {
	switch {
	case isStop(sig):
		stopSelf(s.leave)
		s.enter()
	case isResize(sig): // the next draw asks for the size
	default:
		return statusOf(sig), true
	}
	return 0, false
}

// statusOf returns the exit status after a signal.
func statusOf(sig os.Signal) int {
	if sig == os.Interrupt {
		return 0 // the usual end of a watch
	}
	return cli.ExitSignal + number(sig)
}

func checkTerminal(out *os.File) error {
	if !term.IsTerminal(out) {
		return errors.New("stdout is not a terminal")
	}
	if isDumb() {
		return fmt.Errorf("a terminal of type %q cannot be drawn on", os.Getenv("TERM"))
	}
	return nil
}
