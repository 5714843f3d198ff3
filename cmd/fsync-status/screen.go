package main

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/term"
)

// A screen draws on the alternate screen of a terminal. Afterwards the terminal shows
// again what it showed before.
type screen struct {
	out           *os.File
	entered       bool
	lines         []string // that are on the terminal
	width, height int      // of the terminal when they were drawn
	restoreKeys   func()
	err           error // of the last write
}

// Sequences of ECMA-48, and some of xterm that all terminals know: for the alternate
// screen, the cursor, and lines that do not wrap.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	eraseAll    = "\x1b[2J"
	eraseToEnd  = "\x1b[K"
)

func (s *screen) enter() {
	s.entered, s.restoreKeys = true, quietKeys(os.Stdin)
	s.width, s.height = 0, 0 // draw everything
	s.write(enterScreen)
}

func (s *screen) leave() {
	if s.entered {
		s.entered = false
		s.write(leaveScreen)
		s.restoreKeys()
	}
}

// draw writes the lines that differ from those on the terminal.
func (s *screen) draw(lines []string, width, height int) {
	var b strings.Builder
	if width != s.width || height != s.height {
		b.WriteString(eraseAll)
		s.width, s.height, s.lines = width, height, nil
	}
	for i := range max(len(lines), len(s.lines)) {
		var before, now string
		if i < len(s.lines) {
			before = s.lines[i]
		}
		if i < len(lines) {
			now = lines[i]
		}
		if before != now {
			fmt.Fprintf(&b, "\x1b[%d;1H%s%s", i+1, now, eraseToEnd)
		}
	}
	s.lines = slices.Clone(lines)
	if b.Len() > 0 {
		s.write(b.String())
	}
}

func (s *screen) write(text string) { _, s.err = s.out.WriteString(text) }

// exitOnSignal makes a signal end this process even if a write blocks because no program
// reads the terminal's output any more. Before that, showLive has a second to leave the
// screen.
func (s *screen) exitOnSignal() {
	ends, restoreKeys := make(chan os.Signal, 1), s.restoreKeys
	signal.Notify(ends, endSignals...)
	go func() {
		sig := <-ends
		for blocked := false; !blocked; blocked = !term.Writable(s.out) {
			time.Sleep(time.Second)
		}
		restoreKeys()
		os.Exit(statusOf(sig))
	}()
}

// keys returns a channel of the keys that the user presses. The goroutine that reads
// stdin ends with the process.
func (s *screen) keys() <-chan key {
	keys := make(chan key)
	if !term.IsTerminal(os.Stdin) {
		return keys
	}
	go func() {
		buf := make([]byte, 64)
		var d keyDecoder
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

// isDumb reports whether the terminal can only print.
func isDumb() bool {
	term := os.Getenv("TERM")
	return term == "dumb" || term == "" && needsTERM
}

// hasColours follows https://no-color.org.
func hasColours(out *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && !isDumb() && enableSequences(out)
}
