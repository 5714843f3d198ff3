package printable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSONLine returns v as JSON on one line, with a newline at its end. It escapes all
// characters that are not printable; JSON itself demands that only for a few.
func JSONLine(v any) ([]byte, error) { return encode(v, "", unicode.IsGraphic) }

// JSON is [JSONLine] with indented lines, for people to read. If ascii is set, it
// also escapes each character beyond ASCII.
func JSON(v any, ascii bool) ([]byte, error) {
	if ascii {
		return encode(v, "  ", func(rune) bool { return false })
	}
	return encode(v, "  ", unicode.IsGraphic)
}

// encode returns v as JSON. It escapes U+007F and the characters beyond ASCII, except those
// for which keep returns true.
func encode(v any, indent string, keep func(rune) bool) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	var b []byte
	for _, r := range text.String() {
		switch {
		case r < 0x7f || keep(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b, nil
}
