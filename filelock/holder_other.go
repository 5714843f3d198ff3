//go:build !linux

package filelock

import "time"

// holders has nobody but the records to ask here.
func holders(paths []string, _ bool) ([][]Holder, error) {
	list := make([][]Holder, len(paths))
	for i, path := range paths {
		list[i] = recorded(path)
	}
	return list, nil
}

// lateGrant is how long it is worth waiting for a grant that this process may
// have been given and is about to give back.
func lateGrant(string) time.Duration { return 5 * time.Millisecond }
