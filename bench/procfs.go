//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// now returns the nanoseconds of CLOCK_MONOTONIC, which all processes share.
// Python's time.monotonic_ns reads the same clock.
func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // every Linux has this clock
	}
	return t.Nano()
}

func since(t int64) time.Duration { return time.Duration(now() - t) }

// cpuTime returns the user and system CPU time of all threads of a process, to
// the nanosecond. clock_getcpuclockid(3) explains the number of the clock.
func cpuTime(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

// cpuTimeDuring returns the CPU time that a process uses while do runs.
func cpuTimeDuring(pid int, do func() error) (time.Duration, error) {
	before, err := cpuTime(pid)
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := cpuTime(pid)
	return after - before, err
}

// allThreadsIn reports whether every thread of a process is in a state, which
// is a letter of proc_pid_stat(5).
func allThreadsIn(pid int, state string) bool {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return false
	}
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // the thread has ended
		}
		// 4242 (name, which may contain anything) S ...
		_, fields, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
		if !strings.HasPrefix(fields, state) {
			return false
		}
	}
	return true
}

// threadsOf returns the number of operating-system threads of a process.
func threadsOf(pid int) (int, error) {
	n, err := numberIn(fmt.Sprintf("/proc/%d/status", pid), "Threads:")
	return int(n), err
}

// threads returns the number of operating-system threads of this process.
func threads() int {
	n, err := threadsOf(os.Getpid())
	if err != nil {
		panic(err)
	}
	return n
}

// residentMemory returns the bytes of a process that are in memory. Pages that
// it shares with other processes count in full.
func residentMemory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	var size, resident int64
	_, err = fmt.Sscan(string(text), &size, &resident)
	return resident * int64(os.Getpagesize()), err
}

// proportionalMemory is residentMemory, but a page that n processes share counts
// as 1/n of a page.
func proportionalMemory(pid int) (int64, error) {
	kilobytes, err := numberIn(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:")
	return kilobytes * 1024, err
}

// numberIn returns the number after a name at the beginning of a line of a file.
func numberIn(path, name string) (n int64, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut("\n"+string(text), "\n"+name)
	if _, err := fmt.Sscan(after, &n); err != nil {
		return 0, fmt.Errorf("%s: no %s: %w", path, name, err)
	}
	return n, nil
}

// inotifyInstances returns the descriptors of this process's inotify instances.
func inotifyInstances() (fds []string) {
	all, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range all {
		if file, _ := os.Readlink(fd); file == "anon_inode:inotify" {
			fds = append(fds, filepath.Base(fd))
		}
	}
	return fds
}

// inotifyWatches returns the number of directories that these instances watch.
func inotifyWatches() (n int) {
	for _, fd := range inotifyInstances() {
		text, _ := os.ReadFile("/proc/self/fdinfo/" + fd)
		n += strings.Count(string(text), "inotify wd:")
	}
	return n
}
