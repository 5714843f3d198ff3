package journal

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// encode writes a run as a line, with its end. It is written by hand: the
// first use of encoding/json in a process takes as long as all else that
// Append does, twice.
func (r Run) encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	b := strconv.AppendInt([]byte(mark), version, 10)
	b = appendField(b, "start", r.Start.UTC().Format(time.RFC3339Nano))
	b = appendField(b, "lock", r.Lock)
	b = appendField(b, "name", r.Name)
	b = appendList(b, "command", cutAll(r.Command, maxCommand))
	if r.PID > 0 {
		b = strconv.AppendInt(appendKey(b, "pid"), int64(r.PID), 10)
	}
	b = appendField(b, "host", r.Host)
	b = appendField(b, "user", r.User)
	b = appendSeconds(appendKey(b, "waited_seconds"), r.Waited)
	b = appendSeconds(appendKey(b, "held_seconds"), r.Held)
	b = appendField(b, "outcome", string(r.Outcome))
	b = strconv.AppendInt(appendKey(b, "exit_status"), int64(r.Status), 10)
	b = appendField(b, "signal", r.Signal)
	b = appendField(b, "reason", cut(r.Reason, maxReason))
	b = append(b, "}\n"...)
	if len(b) > maxLine {
		return nil, fmt.Errorf("a line of %d bytes", len(b))
	}
	return b, nil
}

func appendKey(b []byte, key string) []byte {
	b = append(b, `,"`...)
	b = append(b, key...)
	return append(b, `":`...)
}

func appendField(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(appendKey(b, key), value)
}

func appendList(b []byte, key string, values []string) []byte {
	if len(values) == 0 {
		return b
	}
	b = appendKey(b, key)
	for i, value := range values {
		b = append(b, "[,"[min(i, 1)])
		b = appendString(b, value)
	}
	return append(b, ']')
}

func appendSeconds(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, d.Round(time.Microsecond).Seconds(), 'f', -1, 64)
}

// appendString writes a string of JSON that is harmless to look at: what a
// terminal takes for commands, or what turns text around, is escaped, although
// JSON would allow more of it as it is.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s { // U+FFFD for what is not UTF-8
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r >= ' ' && r < 0x7f || r > 0x7f && unicode.IsGraphic(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return append(b, '"')
}

// cutAll shortens a list of words to n bytes in all. An ellipsis at its end
// says so.
func cutAll(words []string, n int) []string {
	for i, word := range words {
		if n -= len(word) + 1; n < 0 {
			kept := append([]string(nil), words[:i]...)
			return append(kept, cut(word, max(len(word)+n, 0)))
		}
	}
	return words
}

// cut shortens a text to n bytes and an ellipsis.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.ToValidUTF8(s[:n], "�") + "…"
}
