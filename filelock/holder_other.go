//go:build !linux

package filelock

import "time"

// holders has nobody but the record to ask here.
func holders(path string, _ bool) ([]Holder, error) { return recorded(path), nil }

// lateGrant is how long it is worth waiting for a grant that this process may
// have been given and is about to give back.
func lateGrant(string) time.Duration { return 5 * time.Millisecond }
