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

// inspect asks the kernel about all of it at once. /proc/locks has a line for
// each lock and for each wait, and names the process that took the lock, which
// may be gone while others still have the open file; /proc/PID/fdinfo shows the
// lock in each process that has it. To find those means to look at every open
// file of every process, so it is done only if it is to be thorough. The record
// adds what the kernel does not know.
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
	blind := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) // there is no /proc to see
	var open openLocks
	if thorough && err == nil {
		open = findOpenLocks(table.mayBeHeld(slices.Concat(files...)))
	}
	for i := range states {
		s := &states[i]
		for j, file := range files[i] {
			path, slot := wants[i].any[j].path, wants[i].slot(j)
			switch {
			case file.name == "": // nobody can hold what is not there
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

// see adds to the state what the kernel and the record say of a file. Unseen is
// why there may be other locks on it.
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
	// A process that we see alive has written it, or will remove it, meanwhile.
	meanwhile := unseen == "" && r.isLocal() && r.mayHold()
	if hasRecord && !told && !meanwhile {
		s.addRecord(r, slot)
	}
}

// whyUnseen says why there may be locks on the file that /proc/locks does not
// show to this process; empty = there are none.
func whyUnseen(path string, file lockFile) string {
	if ns := self().PIDNS; ns != "" && ns != initPIDNS {
		return "the kernel hides the locks of other PID namespaces from this one"
	}
	if kind := fskind.Of(path); kind.Network {
		return "the kernel does not know the locks of other hosts on " + kind.Name
	}
	if file.guessed {
		return "the file system is mounted out of sight, so that its name in /proc/locks is not known"
	}
	return ""
}

// identifyAll finds out the identities of the files, those that are there, and
// of the gate.
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

// merge makes one list of the processes that took a lock and those that have it
// open.
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

// waiters are the processes that wait for any of the files. Those that wait for
// the gate come after those that wait for the lock.
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

// served are the processes that have a slot and still wait for others in the
// kernel, because a wait for a slot is one for each of them. A process that
// really waits for one more slot is at the gate, too.
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

// nest finds the waiters that wait for what an ancestor holds, or what they
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

// lateGrant is how long it is worth waiting for a grant that this process may
// have been given and is about to give back: long if the kernel says that we
// took the lock, not at all if it knows of another taker. It hides takers in
// other PID namespaces, and any lock on some file systems.
func lateGrant(path string) time.Duration {
	file, err := mountDevices{}.identify(path, false)
	if err != nil {
		return 0
	}
	table, err := readLockTable(2) // who is missed costs a wait, and so does reading
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
