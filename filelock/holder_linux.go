package filelock

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// holders asks the kernel who holds the files, and says so for each of them.
// Those who inherited a lock it only finds if it is to be thorough: that means
// to look at every open file of every process. /proc/locks has a line for each
// lock and names the process that took it, which may be gone while others still
// have the open file; /proc/PID/fdinfo shows the lock in each process that has
// it. The record adds what the kernel does not know, or stands alone for
// holders that this kernel, or this PID namespace, does not know.
func holders(paths []string, thorough bool) ([][]Holder, error) {
	files, err := identifyAll(paths)
	if err != nil {
		return nil, err
	}
	list := make([][]Holder, len(paths))
	table, err := readLockTable()
	if err != nil {
		for i, path := range paths {
			list[i] = recorded(path)
		}
		return list, nil
	}
	var open openLocks
	if thorough {
		open = findOpenLocks(table.mayBeHeld(files))
	}
	for i, path := range paths {
		list[i] = merge(path, table.takers(files[i].name), open[files[i].name])
	}
	return list, nil
}

// merge makes one list of who took a lock, who has it open, and who the record
// says it is.
func merge(path string, took, open map[int]Holder) []Holder {
	seen := took
	if len(open) > 0 {
		seen = open // else we may not look into any of the holders
	}
	r, ok := readRecord(path)
	if len(seen) == 0 {
		if ok && r.unseen() {
			return []Holder{r.holder()}
		}
		return nil
	}
	ok = ok && r.tellsOf(took)
	host, _ := os.Hostname()
	var list []Holder
	for pid, h := range seen {
		h.Host, h.Command = host, commandLine(pid)
		if ok && !h.Shared {
			h.Note, h.Since = r.Note, r.Since
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Holder) int { return a.PID - b.PID })
	return list
}

// lateGrant is how long it is worth waiting for a grant that this process may
// have been given and is about to give back: long if the kernel says that we
// took the lock, not at all if it knows of another taker. It hides takers in
// other PID namespaces, and any lock on some file systems.
func lateGrant(path string) time.Duration {
	files, err := identifyAll([]string{path})
	if err != nil {
		return 0
	}
	table, err := readLockTable()
	found := table.takers(files[0].name)
	_, ours := found[os.Getpid()]
	switch {
	case ours:
		return 100 * time.Millisecond
	case err != nil || len(found) == 0:
		return 5 * time.Millisecond
	}
	return 0
}

func commandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
}
