package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fsync-lock/fsync/cmd/internal/term"
)

// pad makes a text as wide as n cells.
func pad(s string, n int) string {
	if len(s) != utf8.RuneCountInString(s) {
		return s + strings.Repeat(" ", max(n-term.Cells(s), 0))
	}
	return s + strings.Repeat(" ", max(n-len(s), 0))
}

// shellWord quotes a text so that a shell takes it for one word, if it has a
// character that means something to a shell. So a name can be pasted from the
// table, and does nothing else there, whichever user chose it.
func shellWord(text string) string {
	special := func(r rune) bool {
		return r < utf8.RuneSelf && !strings.ContainsRune("@%+:,./-_", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	if runtime.GOOS == "windows" || !strings.ContainsFunc(text, special) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// span writes how long something takes in at most two units: 2m13s, 3d4h, 1h.
func span(d time.Duration) string {
	units := []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	for i, u := range units {
		if d < u.of {
			continue
		}
		text := fmt.Sprintf("%d%s", d/u.of, u.name)
		if i+1 < len(units) && d%u.of/units[i+1].of > 0 {
			text += fmt.Sprintf("%d%s", d%u.of/units[i+1].of, units[i+1].name)
		}
		return text
	}
	if d < 0 {
		return "" // clocks disagree
	}
	return "0s"
}
