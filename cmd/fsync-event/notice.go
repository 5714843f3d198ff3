package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/plain"
)

// How a wait is shown. On a terminal, from a second on, one line says what is
// waited for; it is wiped when the wait is over. A terminal that cannot do that
// (TERM=dumb) keeps it. There are no colours, and nothing is shown to a pipe or
// a file.

const showAfter = time.Second

// A notice is the line.
type notice struct {
	text  string
	timer *time.Timer

	mu    sync.Mutex // guards the fields below, and writing
	over  bool
	drawn bool
}

// showWait shows the wait until stop is called, or a signal ends the process.
func (q *query) showWait(targets []target, r *relay) (stop func()) {
	if _, terminal := term.Columns(os.Stderr); !terminal {
		return func() {}
	}
	n := &notice{text: plain.Harmless(q.program + ": " + q.waiting(targets))}
	n.mu.Lock()
	n.timer = time.AfterFunc(showAfter, n.draw)
	n.mu.Unlock()
	r.before(n.wipe)
	return n.wipe
}

// draw writes the line. A process in the background has no business on the
// terminal, and tries again.
func (n *notice) draw() {
	n.mu.Lock()
	defer n.mu.Unlock()
	width, _ := term.Columns(os.Stderr)
	line := plain.Shorten(n.text, width-1) // the last column would wrap
	switch {
	case n.over:
	case !term.InForeground():
		n.timer.Reset(showAfter)
	case isDumb():
		fmt.Fprintln(os.Stderr, line)
	default:
		fmt.Fprintf(os.Stderr, "\r%s\x1b[K", line)
		n.drawn = true
	}
}

// wipe ends the showing.
func (n *notice) wipe() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
	n.timer.Stop()
	if n.drawn {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
		n.drawn = false
	}
}

func isDumb() bool {
	term := os.Getenv("TERM")
	return term == "" || term == "dumb"
}
