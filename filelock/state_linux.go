package filelock

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/fskind"
)

// inspect asks the kernel about all locks at once. /proc/locks has a line for each
// lock and each wait. It names the process that took the lock, which may have ended
// while other processes still have the file open. /proc/PID/fdinfo shows the lock
// in each process that holds it. To find those processes, inspect must look at
// every open file of every process, which it does only if thorough is true. The
// record adds facts that the kernel does not know.
//
// A state that already has an error does not change.
func inspect(states []State, wants []want, thorough bool) {
	files, gates, table, err := lookUp(states, wants)
	blind := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) // /proc cannot be read
	var open openLocks
	if thorough && err == nil {
		open = findOpenLocks(table.mayBeHeld(slices.Concat(files...)))
	}
	for i := range states {
		s := &states[i]
		for j, file := range files[i] {
			path, slot := wants[i].any[j].path, wants[i].slot(j)
			switch {
			case file.name == "": // a missing file is not held
			case err != nil && !blind:
				s.Err = err
			case blind:
				s.guess(path, slot, "the kernel cannot be asked: "+err.Error())
			default:
				s.see(path, slot, table[file.name], open[file.name], whyUnseen(path, file))
			}
		}
		if thorough {
			s.Waiters = table.waiters(wants[i], files[i], gates[i])
			s.nest()
		}
	}
}

// lookUp identifies the files and reads the kernel's table of locks. Afterwards it
// identifies the files again: a file that was removed in between, as gates are all
// the time, may have left its number to another file, which is in the table. A gate
// that has changed is left out. If a lock file has changed, lookUp begins again.
func lookUp(states []State, wants []want) (files [][]lockFile, gates []lockFile, table lockTable, err error) {
	devices := mountDevices{}
	files, gates = devices.identifyEach(states, wants)
	for range 3 {
		table, err = readLockTable(40)
		for _, w := range wants {
			reached(tableRead, w.path)
		}
		filesNow, gatesNow := devices.identifyEach(states, wants)
		if !slices.EqualFunc(files, filesNow, slices.Equal) {
			files, gates = filesNow, gatesNow
			continue
		}
		for i, now := range gatesNow {
			if now != gates[i] {
				gates[i] = lockFile{}
			}
		}
		break
	}
	return files, gates, table, err
}

// identifyEach identifies the files and the gate of each want that has no error.
func (m mountDevices) identifyEach(states []State, wants []want) (files [][]lockFile, gates []lockFile) {
	files, gates = make([][]lockFile, len(wants)), make([]lockFile, len(wants))
	for i, w := range wants {
		if states[i].Err == nil {
			files[i], gates[i], states[i].Err = m.identifyAll(w)
		}
	}
	return files, gates
}

// see adds to the state what the kernel and the record tell about a file. unseen is
// the reason why there may be more locks on it.
func (s *State) see(path string, slot int, locks []tableLock, open map[int]Holder, unseen string) {
	took := takers(locks)
	list := merge(took, open)
	r, hasRecord := readRecord(path)
	told := hasRecord && len(list) > 0 && r.tellsOf(took)
	complete := false
	for i := range list {
		h := &list[i]
		h.Slot = slot
		if told && !h.Shared {
			h.Note, h.Since, h.Command = r.Note, r.Since, cmp.Or(h.Command, r.Command)
		}
		complete = complete || !h.Shared
	}
	s.Holders = append(s.Holders, list...)
	for _, l := range locks {
		if l.posix && !l.waits {
			s.Posix = append(s.Posix, PosixLock{PID: max(l.pid, 0), Command: commandLine(l.pid), Shared: l.shared, Slot: slot})
		}
	}
	if complete || unseen != "" && len(list) == 0 && isUnopened(path) {
		unseen = ""
	}
	s.Unknown = cmp.Or(s.Unknown, unseen)
	// If its writer is alive and visible, it has written the record since the look
	// at the kernel's table, or is about to remove it.
	meanwhile := unseen == "" && r.isLocal() && r.mayHold()
	if hasRecord && !told && !meanwhile {
		s.addRecord(r, slot)
	}
}

// whyUnseen returns the reason why /proc/locks may not show all locks on the file to
// this process; empty = it shows all.
func whyUnseen(path string, file lockFile) string {
	if ns := self().PIDNS; ns != "" && ns != initPIDNS {
		return "the kernel hides the locks of other PID namespaces from this one"
	}
	if kind := fskind.Of(path); kind.Network {
		return "the kernel does not know the locks of other hosts on " + kind.Name
	}
	if file.guessed {
		return "the mount of the file is not visible here, so its locks cannot be found in /proc/locks"
	}
	return ""
}

// identifyAll returns the identities of the files that exist, and of the gate.
func (m mountDevices) identifyAll(w want) (files []lockFile, gate lockFile, err error) {
	for _, t := range w.any {
		file, err := m.identify(t.path, t.open)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, lockFile{}, err
		}
		files = append(files, file)
	}
	if w.gate != nil && w.gate.path != "" {
		gate, _ = m.identify(w.gate.path, false)
	}
	return files, gate, nil
}

// merge makes one list of the processes that took a lock and the processes that
// have its file open.
func merge(took, open map[int]Holder) []Holder {
	seen := maps.Clone(open)
	for pid, h := range took {
		if _, sees := seen[pid]; !sees && (len(open) == 0 || hidden(pid)) {
			if seen == nil {
				seen = map[int]Holder{}
			}
			seen[pid] = h
		}
	}
	host, _ := os.Hostname()
	var list []Holder
	for pid, h := range seen {
		h.Host, h.Command = host, commandLine(pid)
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Holder) int { return a.PID - b.PID })
	return list
}

// waiters returns the processes that wait for any of the files. Waiters at the gate
// come after waiters for the lock.
func (t lockTable) waiters(w want, files []lockFile, gate lockFile) []Waiter {
	var list []Waiter
	told := map[int]time.Time(nil)
	served := t.served(w, files, gate)
	listed := map[int]bool{}
	for _, file := range append(files, gate) {
		for _, l := range t[file.name] {
			if !l.waits || l.posix || l.pid > 0 && (listed[l.pid] || served[l.pid]) || l.pid == os.Getpid() && !waitedFor(w.path) {
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

// served returns the processes that have a slot and still wait in the kernel for
// the others, because Acquire waits for every slot. A process that really waits
// for one more slot waits at the gate, too.
func (t lockTable) served(w want, files []lockFile, gate lockFile) map[int]bool {
	served := map[int]bool{}
	if !w.slots {
		return served // a lock has no slots
	}
	for _, file := range files {
		for pid := range takers(t[file.name]) {
			served[pid] = true
		}
	}
	for _, l := range t[gate.name] {
		delete(served, l.pid)
	}
	return served
}

// nest finds the waiters that wait for a lock that an ancestor holds, or that they
// inherited.
func (s *State) nest() {
	for i := range s.Waiters {
		w := &s.Waiters[i]
		if w.PID <= 0 || len(s.Holders) == 0 {
			continue
		}
		above := ancestors(w.PID)
		for _, h := range s.Holders {
			if slices.Contains(above, h.PID) || h.PID == w.PID && h.Taker != h.PID {
				w.Nested = append(w.Nested, h.PID)
			}
		}
	}
}

// lateGrant returns how long to wait for a grant that this process may have got and
// is about to give back: long if the kernel shows that this process took the lock,
// 0 if it shows another taker. The kernel hides takers in other PID namespaces,
// and all locks of some file systems.
func lateGrant(path string) time.Duration {
	file, err := mountDevices{}.identify(path, false)
	if err != nil {
		return 0
	}
	table, err := readLockTable(2) // few reads: to miss a taker costs only a short wait
	found := takers(table[file.name])
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
