package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// isProcess reports whether the process with that ID, here, is the one that a
// run at start had: another one with its ID would have begun later.
func isProcess(pid int, start, now time.Time) bool {
	age, ok := ageOf(pid)
	return ok && !now.Add(-age).After(start.Add(time.Second)) // both clocks are read a little late
}

// ageOf is how long ago a process was started.
func ageOf(pid int) (time.Duration, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	uptime, errUp := os.ReadFile("/proc/uptime")
	if err != nil || errUp != nil || pid <= 0 {
		return 0, false
	}
	// The second field is the command in parentheses, which may contain both.
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	up, _, _ := strings.Cut(string(uptime), " ")
	seconds, err := strconv.ParseFloat(up, 64)
	if err != nil || len(f) < 20 || f[0] == "Z" {
		return 0, false
	}
	ticks, err := strconv.ParseFloat(f[19], 64) // field 22 of proc_pid_stat(5), in hundredths of a second
	return time.Duration((seconds - ticks/100) * float64(time.Second)), err == nil
}
