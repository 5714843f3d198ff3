// Package printable makes text from other users or processes safe to print on a terminal:
// no character moves the cursor, ends the line or changes the direction of the text. It
// keeps the characters of [unicode.IsGraphic].
package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text replaces each character that is not printable, and each run of bytes that
// are not UTF-8, by a question mark.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}

// Shorten returns [Text] of s. If that has more than n characters, it returns the
// first n-1 and an ellipsis.
func Shorten(s string, n int) string {
	runes := []rune(Text(s))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:max(n-1, 0)]) + "…"
}

// Cut returns s, or as many of its first characters as fit into n bytes. Each run of
// bytes that are not UTF-8 becomes U+FFFD.
func Cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Lines is [Text] for each line of s.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Text(lines[i])
	}
	return strings.Join(lines, "\n")
}
