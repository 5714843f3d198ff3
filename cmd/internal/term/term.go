// Package term asks terminals for their size and encoding, and draws a line on them
// during a wait.
package term

import (
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Size returns the size of the terminal f. If the terminal does not tell it, as the
// input of a Windows console, it is 80 columns and 24 lines. ok is false if f is not a
// terminal.
func Size(f *os.File) (columns, lines int, ok bool) {
	columns, lines, err := term.GetSize(int(f.Fd()))
	if err == nil && columns > 0 && lines > 0 {
		return columns, lines, true
	}
	return 80, 24, err == nil || IsTerminal(f)
}
