//go:build linux

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const removeSidecar = "remove-sidecar"

// Each removal hits a moment between two steps of a process that makes or uses .fsync. A wait
// may then miss an event that was set only for a moment: there is no tombstone.
func init() {
	addFault(&fault{
		name: removeSidecar, about: "the directory .fsync of events removed again and again", every: 300 * time.Millisecond,
		strike: func(r *round, rng *rand.Rand) error {
			at := filepath.Join(r.objects(), bareDir, ".fsync")
			for end := time.Now().Add(10 * time.Millisecond); time.Now().Before(end) && !r.isOver(); {
				if unix.Rmdir(at) == unix.ENOTEMPTY {
					os.RemoveAll(at)
				}
				r.pause(time.Duration(rng.Int64N(int64(50 * time.Microsecond))))
			}
			return nil
		},
		// Clear begins again, but not for ever.
		excuses: func(op *operation, o object) bool {
			return o.sidecarGoes && op.op == opClear && op.errno == int64(unix.ENOENT) && op.to-op.from > int64(time.Second)
		},
	})
}
