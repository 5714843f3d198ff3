package main

import (
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/printable"
)

// A line is a line of the output: printable text in one colour.
type line struct{ text, colour string }

// Colours, as sequences of ECMA-48. The table says in words, too, what a colour says.
const (
	bold     = "\x1b[1m"
	dim      = "\x1b[2m"
	red      = "\x1b[31m"
	yellow   = "\x1b[33m"
	noColour = "\x1b[m"
)

// A style says what the output may contain.
type style struct {
	coloured bool
	ascii    bool // ASCII only
}

func newStyle(coloured bool) style { return style{coloured, !term.UTF8()} }

func (s style) paint(l line) string {
	if !s.coloured || l.text == "" || l.colour == "" {
		return l.text
	}
	return l.colour + l.text + noColour
}

// clean returns a text that may be printed in this style.
func (s style) clean(text string) string {
	if text = printable.Text(text); s.ascii {
		text = term.ASCII(text)
	}
	return text
}

// fit cuts the end of a clean text that is wider than n cells.
func (s style) fit(text string, n int) string {
	if s.ascii {
		return term.FitASCII(text, n)
	}
	return term.Fit(text, n)
}

// fitEnd cuts the beginning of a clean text that is wider than n cells. It is for paths,
// whose end tells more.
func (s style) fitEnd(text string, n int) string {
	if term.Cells(text) <= n {
		return text
	}
	return reversed(s.fit(reversed(text), n))
}

func reversed(text string) string {
	runes := []rune(text)
	slices.Reverse(runes)
	return string(runes)
}

// pad makes a text n cells wide.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(n-term.Cells(s), 0)) }

// shellWord quotes a text if it has a character that is special to a shell. So a
// user can paste a name from the table into a shell, whichever user chose the name.
func shellWord(text string) string {
	special := func(r rune) bool {
		return r < utf8.RuneSelf && !strings.ContainsRune("@%+:,./-_", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	if runtime.GOOS == "windows" || !strings.ContainsFunc(text, special) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
