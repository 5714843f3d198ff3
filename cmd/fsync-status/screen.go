package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/fsync-lock/fsync/cmd/internal/term"
)

// A screen is a terminal that is drawn on in place. It uses the alternate
// screen, so that what was there is there again afterwards.
type screen struct {
	out     *os.File
	entered bool
	drawn   []string // what is on it, by lines
	width   int      // and what size it had
	height  int
	restore func() // what the terminal does with keys
	err     error  // of the last write
}

// Sequences of ECMA-48, and those private ones of xterm that all know: the
// alternate screen, the cursor, and lines that do not go on in the next.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	wipeAll     = "\x1b[2J"
	wipeToEnd   = "\x1b[K"
)

func (s *screen) enter() {
	s.entered, s.restore = true, quietKeys(os.Stdin)
	s.width, s.height = 0, 0 // nothing is known of what is on it
	s.write(enterScreen)
}

func (s *screen) leave() {
	if s.entered {
		s.entered = false
		s.write(leaveScreen)
		s.restore()
	}
}

// draw changes the lines that are to change, and writes nothing if none is.
func (s *screen) draw(lines []string, width, height int) {
	var b strings.Builder
	if width != s.width || height != s.height {
		b.WriteString(wipeAll)
		s.width, s.height, s.drawn = width, height, nil
	}
	for i := range max(len(lines), len(s.drawn)) {
		var before, now string
		if i < len(s.drawn) {
			before = s.drawn[i]
		}
		if i < len(lines) {
			now = lines[i]
		}
		if before != now {
			fmt.Fprintf(&b, "\x1b[%d;1H%s%s", i+1, now, wipeToEnd)
		}
	}
	s.drawn = slices.Clone(lines)
	if b.Len() > 0 {
		s.write(b.String())
	}
}

func (s *screen) write(text string) { _, s.err = s.out.WriteString(text) }

// keys are the keys that are pressed. Whoever reads stdin is left behind when
// watching ends, which is when the process does.
func (s *screen) keys() <-chan key {
	keys := make(chan key)
	if !term.IsTerminal(os.Stdin) {
		return keys
	}
	go func() {
		buf := make([]byte, 64)
		var d decoder
		for {
			awaitKey(os.Stdin)
			n, err := os.Stdin.Read(buf)
			for _, b := range buf[:n] {
				if key, ok := d.next(b); ok {
					keys <- key
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return keys
}

func isDumb() bool {
	term := os.Getenv("TERM")
	return term == "dumb" || term == "" && !knowsSequences
}

// hasColours follows https://no-color.org.
func hasColours(out *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && !isDumb() && obeysSequences(out)
}
