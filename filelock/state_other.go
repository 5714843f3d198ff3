//go:build !linux

package filelock

import "time"

// inspect has nobody but the records to ask here.
func inspect(states []State, wants []want, _ bool) {
	for i, w := range wants {
		for j, t := range w.any {
			for _, h := range recorded(t.path) {
				h.Slot = w.slot(j)
				states[i].Holders = append(states[i].Holders, h)
			}
		}
	}
}

// lateGrant is how long it is worth waiting for a grant that this process may
// have been given and is about to give back.
func lateGrant(string) time.Duration { return 5 * time.Millisecond }
