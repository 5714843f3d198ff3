package term

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/printable"
)

// A Notice is a line on the terminal that tells what this process waits for. It
// appears after a second, is drawn again every second, and is erased at the end of
// the wait. If the terminal cannot erase (TERM=dumb), the line is printed once.
// A process in the background draws nothing until it is in the foreground. Nothing is
// drawn while the terminal is stopped, so a notice never delays the process.
type Notice struct {
	text  func() string
	timer *time.Timer

	mu    sync.Mutex // guards the fields below, and writing
	over  bool
	drawn bool
}

const drawEvery = time.Second

// Show starts a notice on stderr. It returns nil if stderr is not a terminal. text
// is called whenever the line is drawn; it may return control characters.
func Show(text func() string) *Notice {
	if !IsTerminal(os.Stderr) {
		return nil
	}
	n := &Notice{text: text}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.timer = time.AfterFunc(drawEvery, n.draw)
	return n
}

func (n *Notice) draw() {
	var text string
	shown := InForeground()
	if shown {
		text = n.text() // not under the mutex: it may take a while
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.over:
		return
	case !shown || !mayWrite(): // not this time
	case isDumb():
		fmt.Fprintln(os.Stderr, printable.Text(text))
		return
	default:
		width, _, _ := Size(os.Stderr)
		fmt.Fprintf(os.Stderr, "\r%s\x1b[K", Fit(printable.Text(text), width-1)) // the last column would wrap
		n.drawn = true
	}
	n.timer.Reset(drawEvery)
}

// Wipe ends the notice and erases the line. It may be called twice, and on nil.
func (n *Notice) Wipe() {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
	n.timer.Stop()
	if n.drawn && mayWrite() {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
		n.drawn = false
	}
}

// mayWrite reports whether this process is in the foreground and a write would not
// block. After Ctrl-S a write would block, and so prolong a wait that is over.
func mayWrite() bool { return InForeground() && Writable(os.Stderr) }

// isDumb reports whether the terminal can only print.
func isDumb() bool {
	term := os.Getenv("TERM")
	return term == "" || term == "dumb"
}
