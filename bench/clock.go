//go:build linux

package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// now is the time in nanoseconds on a clock that all processes share; Python
// calls it time.monotonic_ns.
func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // the clock is there on every Linux
	}
	return t.Nano()
}

func since(t int64) time.Duration { return time.Duration(now() - t) }

// cpuTime is the CPU time, user's and system's, that all threads of a process
// have used, to the nanosecond: see clock_getcpuclockid(3) for the number.
func cpuTime(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}
