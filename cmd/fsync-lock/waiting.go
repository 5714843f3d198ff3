package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/plain"
)

// How a wait is shown. On a terminal, from a second on, one line says what is
// waited for and who holds it. It is drawn again every second, and wiped when
// the wait is over. A terminal that cannot do that (TERM=dumb) gets it once.
// There are no colours, and nothing is shown to a pipe or a file.

const (
	showAfter = time.Second
	askAgain  = 5 * time.Second // to find out who holds a lock takes work
)

// A notice is the line.
type notice struct {
	job     *job
	lock    lock
	dumb    bool
	timer   *time.Timer
	asked   time.Time
	holders []filelock.Holder

	mu    sync.Mutex // guards the fields below, and writing
	over  bool
	drawn bool
}

// showWait shows the wait for the lock until stop is called.
func (j *job) showWait(l lock, r *relay) (stop func()) {
	if _, ok := term.Columns(os.Stderr); !ok {
		return func() {}
	}
	n := &notice{job: j, lock: l, dumb: isDumb()}
	n.mu.Lock()
	n.timer = time.AfterFunc(showAfter, n.draw)
	n.mu.Unlock()
	r.before(n.wipe)
	return n.wipe
}

func isDumb() bool {
	term := os.Getenv("TERM")
	return term == "" || term == "dumb"
}

// draw writes the line. A process in the background has no business on the
// terminal.
func (n *notice) draw() {
	if !term.InForeground() {
		n.again()
		return
	}
	if now := time.Now(); n.asked.IsZero() || now.Sub(n.asked) >= askAgain {
		n.holders = holders(n.lock)
		n.asked = now
	}
	line := n.job.program + ": waiting for " + n.job.label(n.lock)
	if who := held(n.holders); who != "" {
		line += ", " + who
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over {
		return
	}
	if n.dumb {
		fmt.Fprintln(os.Stderr, line)
		return
	}
	width, _ := term.Columns(os.Stderr)
	fmt.Fprintf(os.Stderr, "\r%s\x1b[K", plain.Shorten(line, width-1)) // the last column would wrap
	n.drawn = true
	n.timer.Reset(time.Second)
}

func (n *notice) again() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.over {
		n.timer.Reset(time.Second)
	}
}

// wipe ends the showing.
func (n *notice) wipe() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
	n.timer.Stop()
	if n.drawn && term.InForeground() { // elsewhere it would be somebody else's line
		fmt.Fprint(os.Stderr, "\r\x1b[K")
		n.drawn = false
	}
}

// reportConflict says, if anybody is there to read it or asks for it, why
// there is no lock and who has it. It returns who has it, if that is wanted or
// was found out anyway.
func (j *job) reportConflict(l lock, wanted bool) string {
	_, terminal := term.Columns(os.Stderr)
	shown := j.verbose || terminal && !j.skip
	if !shown && !wanted {
		return ""
	}
	who := held(holders(l))
	if !shown {
		return who
	}
	if j.verbose {
		line := "failed to get lock"
		if j.timeout > 0 {
			line = "timeout while waiting to get lock"
		}
		j.complain(line)
	}
	switch {
	case who != "":
		j.complain(j.label(l) + " is " + who)
	case !j.verbose:
		j.complain(j.label(l) + " is held")
	}
	return who
}

// holders asks who holds the lock, again if nobody seems to: the kernel's table
// of locks is read piece by piece, and a line may be missed while others come
// and go.
func holders(l lock) (list []filelock.Holder) {
	for range 3 {
		if list, _ = l.Holders(); len(list) > 0 {
			break
		}
	}
	return list
}

// label is what the lock is called on the terminal: as on the command line.
func (j *job) label(l lock) string {
	if j.path != "" {
		return plain.Shorten(j.path, 80)
	}
	if path := l.Path(); path != "" {
		return plain.Shorten(filepath.Base(path), 80)
	}
	return fmt.Sprintf("descriptor %d", j.fd)
}

// held says who holds a lock and for how long: held 2m13s by pid 4242 (rsync
// -a /srv). It is empty if that is not known.
func held(holders []filelock.Holder) string {
	holders = jobs(holders)
	if len(holders) == 0 {
		return ""
	}
	h := holders[0]
	for _, other := range holders[1:] {
		if !other.Since.IsZero() && (h.Since.IsZero() || other.Since.Before(h.Since)) {
			h = other
		}
	}
	var b strings.Builder
	b.WriteString("held ")
	if d := time.Since(h.Since).Truncate(time.Second); !h.Since.IsZero() && d >= 0 {
		b.WriteString(d.String() + " ")
	}
	fmt.Fprintf(&b, "by pid %d", h.PID)
	if h.Command != "" {
		fmt.Fprintf(&b, " (%s)", plain.Shorten(h.Command, 80))
	}
	if here, _ := os.Hostname(); h.Host != "" && h.Host != here {
		b.WriteString(" on " + plain.Shorten(h.Host, 64))
	}
	if more := len(holders) - 1; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

// jobs leaves out the wrappers, if what they wrap is there: it says more about
// what keeps the lock.
func jobs(holders []filelock.Holder) []filelock.Holder {
	var list []filelock.Holder
	for _, h := range holders {
		program, _, _ := strings.Cut(h.Command, " ")
		switch strings.TrimSuffix(filepath.Base(program), ".exe") {
		case "fsync-lock", "flock":
		default:
			list = append(list, h)
		}
	}
	if len(list) == 0 {
		return holders
	}
	return list
}
