// Package plain makes text fit to be shown to people, whoever chose it.
package plain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Harmless makes text that others chose fit to be shown: it has no character
// that would move the cursor, end the line or turn the text around.
func Harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}

// Shorten is Harmless for at most n characters of a text, the last of which is
// an ellipsis if it was longer.
func Shorten(s string, n int) string {
	runes := []rune(Harmless(s))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:max(n-1, 0)]) + "…"
}

// HarmlessLines is Harmless for text of several lines.
func HarmlessLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Harmless(lines[i])
	}
	return strings.Join(lines, "\n")
}

// HarmlessJSON makes JSON fit to be looked at: JSON itself leaves characters as
// they are that a terminal obeys, or that turn text around. It means the same.
func HarmlessJSON(text string) string {
	var b []byte
	for _, r := range text {
		if r < 0x7f || unicode.IsGraphic(r) {
			b = utf8.AppendRune(b, r)
		} else {
			b = AppendEscape(b, r)
		}
	}
	return string(b)
}

// AppendEscape appends a character as it may be written in a string of JSON
// whatever it is.
func AppendEscape(b []byte, r rune) []byte {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(b, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(b, `\u%04x`, r)
}
