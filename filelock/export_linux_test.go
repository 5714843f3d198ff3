package filelock

import "fmt"

// LockLine is how a line of /proc/locks is understood.
func LockLine(line string) string {
	file, l, ok := flockLine(line)
	return fmt.Sprint(file, " ", l.pid, " ", l.shared, " ", l.waits, " ", ok)
}
