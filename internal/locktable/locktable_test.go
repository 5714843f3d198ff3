package locktable

import (
	"fmt"
	"strings"
	"testing"
)

// understood returns the result of parse as a text.
func understood(line string) string {
	file, l, ok := parse(line)
	return fmt.Sprint(file, " ", l.PID, " ", l.Shared, " ", l.Waits, " ", l.POSIX, " ", ok)
}

// parse tells flock(2) locks from other locks, and waits from locks that are held.
func TestLockTable(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"1: FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF\n":     "fe:00:1234 4242 false false false true",
		"1: -> FLOCK  ADVISORY  READ 4242 fe:00:1234 0 EOF\n":   "fe:00:1234 4242 true true false true",
		"lock:\t1: FLOCK  ADVISORY  READ 42 fe:00:1234 0 EOF\n": "fe:00:1234 42 true false false true",
		"1: POSIX  ADVISORY  WRITE 4242 fe:00:1234 0 EOF\n":     "fe:00:1234 4242 false false true true",
		"1: OFDLCK ADVISORY  WRITE -1 fe:00:1234 0 EOF\n":       "fe:00:1234 -1 false false true true",
		"1: LEASE  ACTIVE    WRITE 4242 fe:00:1234 0 EOF\n":     "false",
		"1: FLOCK  ADVISORY  WRITE many fe:00:1234 0 EOF\n":     "false",
		"1: FLOCK  ADVISORY\n":                                  "false", "1: ->": "false", "lock:": "false", "": "false",
	} {
		if got := understood(line); !strings.HasSuffix(got, want) {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}
