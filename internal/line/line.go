// Package line writes and reads the lines that processes leave for each other
// in files: a JSON object each, the first field of which is the version of its
// format, and a newline, which stands nowhere else and shows that it is whole.
//
// They are written by hand. The first use of encoding/json in a process takes
// longer than to open, to lock and to write the file that the line is for, and
// many of the processes that write them run for milliseconds.
package line

import (
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fsync-lock/fsync/internal/printable"
)

// A Line is being written. Each of its methods returns it with a field more;
// what is empty is left out.
type Line []byte

// Begin returns a line of that version of a format, which the name of the field
// tells from others.
func Begin(format string, version int) Line {
	b := strconv.AppendQuote(Line("{"), format)
	return strconv.AppendInt(append(b, ':'), int64(version), 10)
}

// End returns the whole line.
func (b Line) End() []byte { return append(b, "}\n"...) }

func (b Line) key(key string) Line {
	b = append(b, `,"`...)
	b = append(b, key...)
	return append(b, `":`...)
}

// Text adds a text.
func (b Line) Text(key, value string) Line {
	if value == "" {
		return b
	}
	return b.key(key).quote(value)
}

// Number adds a number, which is never left out.
func (b Line) Number(key string, value int) Line {
	return strconv.AppendInt(b.key(key), int64(value), 10)
}

// Time adds a point in time, in UTC.
func (b Line) Time(key string, value time.Time) Line {
	if value.IsZero() {
		return b
	}
	return b.Text(key, value.UTC().Format(time.RFC3339Nano))
}

// Seconds adds a duration, to the microsecond. It is never left out.
func (b Line) Seconds(key string, value time.Duration) Line {
	return strconv.AppendFloat(b.key(key), value.Round(time.Microsecond).Seconds(), 'f', -1, 64)
}

// List adds a list of texts.
func (b Line) List(key string, values []string) Line {
	if len(values) == 0 {
		return b
	}
	b = b.key(key)
	for i, value := range values {
		b = append(b, "[,"[min(i, 1)]).quote(value)
	}
	return append(b, ']')
}

// quote adds a JSON string that is harmless to look at: what a terminal takes
// for commands, or what turns text around, is escaped, although JSON would
// allow more of it as it is. What is not UTF-8 becomes U+FFFD.
func (b Line) quote(s string) Line {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r >= ' ' && r < 0x7f || r > 0x7f && unicode.IsGraphic(r):
			b = utf8.AppendRune(b, r)
		default:
			b = printable.AppendEscape(b, r)
		}
	}
	return append(b, '"')
}
