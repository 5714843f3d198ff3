package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// harmless makes text that others chose fit to be shown: it has no character
// that would move the cursor, end the line or turn the text around.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}

// harmlessLines is harmless for text of several lines.
func harmlessLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = harmless(lines[i])
	}
	return strings.Join(lines, "\n")
}

// shorten cuts a text to n characters. An ellipsis at its end says so.
func shorten(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:max(n-1, 0)]) + "…"
}

// escaped makes JSON harmless to look at: JSON itself leaves characters as
// they are that a terminal obeys, or that turn text around.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x7f || unicode.IsGraphic(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
