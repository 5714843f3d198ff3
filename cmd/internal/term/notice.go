package term

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/plain"
)

// A Notice is a line on the terminal that says what is waited for. It appears
// after a second, is drawn again every second, and wiped when the wait is over.
// A terminal that cannot do that (TERM=dumb) gets it once, and keeps it. A
// process in the background has no business on the terminal: the line comes
// when it is in the foreground. Nor does it wait for a terminal that takes
// nothing at the moment. There are no colours.
type Notice struct {
	text  func() string
	timer *time.Timer

	mu    sync.Mutex // guards the fields below, and writing
	over  bool
	drawn bool
}

const drawEvery = time.Second

// Show begins a notice on stderr, or none, which is nil, if that is no
// terminal. The text is asked for whenever it is drawn, and need not be
// harmless.
func Show(text func() string) *Notice {
	if _, terminal := Columns(os.Stderr); !terminal {
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
		text = n.text() // it may take a while
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.over:
		return
	case !shown || !n.mayWrite(): // by now
	case isDumb():
		fmt.Fprintln(os.Stderr, plain.Harmless(text))
		return
	default:
		width, _ := Columns(os.Stderr)
		fmt.Fprintf(os.Stderr, "\r%s\x1b[K", Fit(plain.Harmless(text), width-1)) // the last column would wrap
		n.drawn = true
	}
	n.timer.Reset(drawEvery)
}

// Wipe ends the notice. It may be called twice, and of none.
func (n *Notice) Wipe() {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
	n.timer.Stop()
	if n.drawn && n.mayWrite() {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
		n.drawn = false
	}
}

// mayWrite reports whether the line on the terminal is this process's, and
// writing would not wait: a wait that is over must not go on because somebody
// has pressed Ctrl-S.
func (n *Notice) mayWrite() bool { return InForeground() && Takes(os.Stderr) }

// isDumb reports whether the terminal can do nothing but print.
func isDumb() bool {
	term := os.Getenv("TERM")
	return term == "" || term == "dumb"
}
