package line

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxRecord is how long a record may be, the line in which a process says who
// it is. It fits a page, with a byte to spare.
const MaxRecord = 4095

// Fit returns the line that write makes of texts that are cut to a limit, which
// is as high as it can be for a record.
func Fit(write func(cut func(string) string) []byte) []byte {
	for limit := MaxRecord; ; limit /= 2 { // control characters take six bytes each
		text := write(func(s string) string { return cut(s, limit) })
		if len(text) <= MaxRecord {
			return text
		}
	}
}

// Program names the program that this process runs, as a record does: without
// its directory and without its arguments, which may hold secrets.
func Program() string {
	if len(os.Args) > 0 && os.Args[0] != "" {
		return filepath.Base(os.Args[0])
	}
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Base(path)
}

// cut shortens s to at most n bytes of valid UTF-8.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Parse reads a line into a struct, and reports whether it is one, the whole of
// it and nothing else.
func Parse(text []byte, into any) bool {
	return bytes.IndexByte(text, '\n') == len(text)-1 && json.Unmarshal(text, into) == nil
}

// Plausible returns a time that somebody's clock has told, or none if that
// cannot have been the time.
func Plausible(when time.Time) time.Time {
	if when.Year() < 2000 || time.Until(when) > 24*time.Hour {
		return time.Time{}
	}
	return when
}
