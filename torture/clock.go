//go:build linux

package main

import (
	"math"

	"golang.org/x/sys/unix"
)

// now returns the nanoseconds of CLOCK_MONOTONIC, which all processes share. Python's
// time.monotonic_ns reads the same clock.
func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // every Linux has this clock
	}
	return t.Nano()
}

// never is a time after all others.
const never = math.MaxInt64

// A span is the time between two readings of the clock. What it belongs to happened at
// some moment in it.
type span struct{ from, to int64 }

func (s span) overlaps(t span) bool { return s.from <= t.to && t.from <= s.to }

// before reports whether s is certainly over when t begins.
func (s span) before(t span) bool { return s.to < t.from }
