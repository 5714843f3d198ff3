//go:build linux

package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// The times of files change, as if another host, or this one before a step of its clock, had
// written them. That is what the library can see of a step, apart from the ages of records and
// of events.
func init() {
	addFault(&fault{
		name: "clock", about: "wall clock stepped",
		why: func() error {
			return errors.New("only the whole machine has a wall clock: a time namespace has none of its own, Go programs do not read it by way of libfaketime, and Python's time.sleep fails under libfaketime; file-times does a part of it")
		},
	})
	addFault(&fault{
		name: "file-times", about: "times of lock files, markers and directories in the past or the future", every: 30 * time.Millisecond,
		strike: func(r *round, rng *rand.Rand) error {
			o := r.plan.objects[rng.IntN(len(r.plan.objects))]
			path := r.path(o)
			if rng.IntN(2) == 0 {
				path = filepath.Dir(path)
			}
			return stepTimes(path, randomStep(rng))
		},
	})
}

// randomStep returns a step forward or back: seconds, days or months.
func randomStep(rng *rand.Rand) time.Duration {
	units := []time.Duration{time.Second, 24 * time.Hour, 30 * 24 * time.Hour}
	return time.Duration(rng.IntN(25)-12) * units[rng.IntN(len(units))]
}

// stepTimes sets the times of a file to a step from now.
func stepTimes(path string, step time.Duration) error {
	t := time.Now().Add(step)
	return unlessMissed(os.Chtimes(path, t, t))
}
