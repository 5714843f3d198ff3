package report

import (
	"os"
	"strconv"
	"strings"
	"time"

	proc "github.com/fsync-lock/fsync/internal/process"
)

// isProcess reports whether the process with this ID is the process of a run that started
// at start. A process that got the ID later is younger than the run.
func isProcess(pid int, start, now time.Time) bool {
	age, ok := ageOf(pid)
	return ok && !now.Add(-age).After(start.Add(time.Second)) // a second, because now and the age come from two clocks
}

// ageOf returns the age of a process that has not ended.
func ageOf(pid int) (time.Duration, bool) {
	p, known := proc.StatOf(pid)
	uptime, err := os.ReadFile("/proc/uptime")
	if !known || err != nil || p.State == 'Z' {
		return 0, false
	}
	up, _, _ := strings.Cut(string(uptime), " ")
	seconds, err := strconv.ParseFloat(up, 64)
	return time.Duration((seconds - float64(p.Start)/100) * float64(time.Second)), err == nil // Start is in hundredths of a second
}
