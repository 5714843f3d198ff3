package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// inspect asks the kernel about all of it at once. /proc/locks has a line for
// each lock and for each wait, and names the process that took the lock, which
// may be gone while others still have the open file; /proc/PID/fdinfo shows the
// lock in each process that has it. To find those means to look at every open
// file of every process, so it is done only if it is to be thorough. The record
// adds what the kernel does not know, or stands alone for holders that this
// kernel, or this PID namespace, does not know.
//
// A state that has an error already is left alone.
func inspect(states []State, wants []want, thorough bool) {
	files, gates := make([][]lockFile, len(wants)), make([]lockFile, len(wants))
	devices := mountDevices{}
	for i, w := range wants {
		if states[i].Err == nil {
			files[i], gates[i], states[i].Err = devices.identifyAll(w)
		}
	}
	table, err := readLockTable(40)
	unknown := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) // there is no /proc to see
	var open openLocks
	if thorough && err == nil {
		open = findOpenLocks(table.mayBeHeld(slices.Concat(files...)))
	}
	for i := range states {
		if err != nil && !unknown && states[i].Err == nil {
			states[i].Err = err
			continue
		}
		for j, file := range files[i] {
			path := wants[i].any[j].path
			var list []Holder
			if unknown {
				list = recorded(path)
			} else {
				list = merge(path, table.takers(file.name), open[file.name])
			}
			for k := range list {
				list[k].Slot = wants[i].slot(j)
			}
			states[i].Holders = append(states[i].Holders, list...)
		}
		if thorough {
			states[i].Waiters = table.waiters(wants[i], append(files[i], gates[i]))
		}
	}
}

// identifyAll finds out the identities of the files, those that are there, and
// of the gate.
func (m mountDevices) identifyAll(w want) (files []lockFile, gate lockFile, err error) {
	for _, t := range w.any {
		file, err := m.identify(t.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, lockFile{}, err
		}
		files = append(files, file)
	}
	if w.gate != nil && w.gate.path != "" {
		gate, _ = m.identify(w.gate.path)
	}
	return files, gate, nil
}

// merge makes one list of who took a lock, who has it open, and who the record
// says it is.
func merge(path string, took, open map[int]Holder) []Holder {
	seen := maps.Clone(open)
	for pid, h := range took {
		if _, sees := seen[pid]; !sees && (len(open) == 0 || hidden(pid)) {
			if seen == nil {
				seen = map[int]Holder{}
			}
			seen[pid] = h
		}
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

// waiters are the processes that wait for any of the files. Who waits for the
// gate comes after those who wait for the lock.
func (t lockTable) waiters(w want, files []lockFile) []Waiter {
	var list []Waiter
	told := map[int]time.Time(nil)
	listed := map[int]bool{}
	for _, file := range files {
		for _, l := range t[file.name] {
			if !l.waits || l.pid > 0 && listed[l.pid] || l.pid == os.Getpid() && !waitedFor(w.path) {
				continue
			}
			listed[l.pid] = true
			if told == nil {
				told = w.gate.whoWaits()
			}
			list = append(list, Waiter{PID: max(l.pid, 0), Command: commandLine(l.pid), Since: told[l.pid], Shared: l.shared})
		}
	}
	return list
}

// lateGrant is how long it is worth waiting for a grant that this process may
// have been given and is about to give back: long if the kernel says that we
// took the lock, not at all if it knows of another taker. It hides takers in
// other PID namespaces, and any lock on some file systems.
func lateGrant(path string) time.Duration {
	file, err := mountDevices{}.identify(path)
	if err != nil {
		return 0
	}
	table, err := readLockTable(2) // who is missed costs a wait, and so does reading
	found := table.takers(file.name)
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
