//go:build linux

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	addFault(&fault{
		name: "rename-dir", about: "directory of locks and events renamed away and back", every: 250 * time.Millisecond, movesDirs: true,
		strike: func(r *round, rng *rand.Rand) error {
			at := filepath.Join(r.objects(), "moving")
			defer r.isMoving()()
			if err := os.Rename(at, at+".away"); err != nil {
				return err
			}
			x := rng.Float64()
			r.pause(time.Duration(x * x * float64(300*time.Millisecond)))
			return os.Rename(at+".away", at)
		},
		excuses: func(op *operation, o object) bool { // while the directory is away
			return o.dirMoves && (op.errno == int64(unix.ENOENT) || op.errno < 0)
		},
	})
}
