package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// holders asks the kernel. /proc/locks has a line for each lock and names the
// process that took it, which may be gone while others still have the open
// file; /proc/PID/fdinfo shows the lock in each process that has it.
func holders(path string) ([]Holder, error) {
	file, err := kernelName(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found, err := takers(file)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if seen := openLocks(file); len(seen) > 0 {
		found = seen // else we may not look into any of the holders
	}
	host, _ := os.Hostname()
	var list []Holder
	for pid, h := range found {
		h.Host, h.Command = host, commandLine(pid)
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Holder) int { return a.PID - b.PID })
	return list, nil
}

// takers are the processes that took a lock on the file.
func takers(file string) (map[int]Holder, error) {
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil, err
	}
	found := map[int]Holder{}
	for line := range strings.Lines(string(table)) {
		if pid, shared, ok := flockLine(line, file); ok {
			found[pid] = Holder{PID: pid, Shared: shared}
		}
	}
	return found, nil
}

// lateGrant bounds the wait for a grant that is on its way back. With the
// kernel's table to ask, that wait is hardly ever in vain.
const lateGrant = 100 * time.Millisecond

// heldByOthers reports whether the kernel knows of another process that took
// the lock.
func heldByOthers(t target) bool {
	file, err := kernelName(t.path)
	if err != nil {
		return false
	}
	found, _ := takers(file)
	delete(found, os.Getpid())
	return len(found) > 0
}

// kernelName is how the kernel writes a file's identity in its lock table.
func kernelName(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino), nil
}

// flockLine reads a line of /proc/locks, or the same behind "lock:" in fdinfo:
//
//	1: FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF
//
// A lock that is only waited for has "->" behind the number, and is not ok.
func flockLine(line, file string) (pid int, shared, ok bool) {
	f := strings.Fields(strings.TrimPrefix(line, "lock:"))
	if len(f) < 6 || f[1] != "FLOCK" || f[5] != file {
		return 0, false, false
	}
	pid, err := strconv.Atoi(f[4])
	return pid, f[3] == "READ", err == nil
}

// openLocks finds the processes that have the locked file open.
func openLocks(file string) map[int]Holder {
	found := map[int]Holder{}
	infos, _ := filepath.Glob("/proc/[0-9]*/fdinfo/*")
	for _, name := range infos {
		info, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(info), file) {
			continue
		}
		for line := range strings.Lines(string(info)) {
			if _, shared, ok := flockLine(line, file); ok {
				pid, _ := strconv.Atoi(strings.Split(name, "/")[2])
				found[pid] = Holder{PID: pid, Shared: shared}
			}
		}
	}
	return found
}

func commandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
}
