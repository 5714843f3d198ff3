// Package locktable reads the kernel's table of file locks, /proc/locks
// (proc_locks(5)), and finds the processes that have a locked file open. Only Linux
// has such a table.
//
// The table has a line for each lock and for each wait. The line names the process that
// took the lock. That process may have ended, while others have inherited the open file and
// hold the lock. /proc/PID/fdinfo shows the lock for each process that holds it.
package locktable

import (
	"slices"
	"strconv"
	"strings"
)

// A Table has the flock(2) and fcntl(2) locks of each file, by the name of the file, see
// [File].
type Table map[string][]Lock

// A Lock is a lock that a process has taken, or waits for.
type Lock struct {
	PID    int // the process that took it or waits for it; 0 or less if unknown or in another PID namespace
	Shared bool
	Waits  bool // the process waits for the lock
	POSIX  bool // a fcntl(2) lock
}

// add adds the locks in a text of the kernel's table.
func (t Table) add(text string) {
	for line := range strings.Lines(text) {
		if file, l, ok := parse(line); ok && !slices.Contains(t[file], l) {
			t[file] = append(t[file], l)
		}
	}
}

// parse reads a line of the table, or of fdinfo, where "lock:" is before it:
//
//	1: FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF
//	1: -> FLOCK  ADVISORY  WRITE 4243 fe:00:1234 0 EOF
//
// In the second line, a process waits for the lock.
func parse(line string) (file string, l Lock, ok bool) {
	f := strings.Fields(strings.TrimPrefix(line, "lock:"))
	if l.Waits = len(f) > 1 && f[1] == "->"; l.Waits {
		f = f[1:]
	}
	if len(f) < 6 || f[1] != "FLOCK" && f[1] != "POSIX" && f[1] != "OFDLCK" {
		return "", l, false
	}
	l.POSIX = f[1] != "FLOCK"
	pid, err := strconv.Atoi(f[4])
	l.PID, l.Shared = pid, f[3] == "READ"
	return f[5], l, err == nil
}
