// Package term is about terminals, and text that is harmless on one whoever
// chose it.
package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
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
