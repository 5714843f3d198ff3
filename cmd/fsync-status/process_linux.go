package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	proc "github.com/fsync-lock/fsync/internal/process"
)

// isProcess reports whether the process with that ID, here, is the one that a
// run at start had: another one with its ID would have begun later.
func isProcess(pid int, start, now time.Time) bool {
	age, ok := ageOf(pid)
	return ok && !now.Add(-age).After(start.Add(time.Second)) // both clocks are read a little late
}

// ageOf is how long ago a process was started.
func ageOf(pid int) (time.Duration, bool) {
	p, known := proc.StatOf(pid)
	uptime, err := os.ReadFile("/proc/uptime")
	if !known || err != nil || p.State == 'Z' {
		return 0, false
	}
	up, _, _ := strings.Cut(string(uptime), " ")
	seconds, err := strconv.ParseFloat(up, 64)
	return time.Duration((seconds - float64(p.Start)/100) * float64(time.Second)), err == nil // it is in hundredths of a second
}
