//go:build !linux

package filelock

import "time"

// inspect knows only the records and the holds of this process.
func inspect(states []State, wants []want, _ bool) {
	for i, w := range wants {
		for j, t := range w.any {
			states[i].guess(t.path, w.slot(j), "this system does not tell which process holds a lock")
		}
	}
}

// lateGrant returns how long to wait for a grant that this process may have got and
// is about to give back.
func lateGrant(string) time.Duration { return 5 * time.Millisecond }

// isUnopened reports whether it is certain that no process has the file open. It is
// not known on this system.
func isUnopened(string) bool { return false }
