package filelock

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/fsync-lock/fsync/internal/fskind"
	"github.com/fsync-lock/fsync/internal/locktable"
	"github.com/fsync-lock/fsync/internal/process"
)

// inspect asks the kernel about all locks at once. It reads the table of locks and then,
// if thorough is true, finds the processes that have the locked files open. The record
// in a file adds what the kernel does not know.
//
// A state that already has an error does not change.
func inspect(states []State, requests []request, thorough bool) {
	reads := quickReads
	if thorough {
		reads = 40
	}
	all, table, err := readTable(states, requests, reads)
	blind := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) // /proc cannot be read
	var open map[string]map[int]locktable.Lock
	if thorough && err == nil {
		var files []locktable.File
		for _, ids := range all {
			files = append(files, ids.files...)
		}
		open = table.Holders(files)
	}
	for i := range states {
		s := &states[i]
		for j, file := range all[i].files {
			path, slot := requests[i].files[j].path, requests[i].slot(j)
			switch {
			case file.Name == "": // a missing file counts as free
			case err != nil && !blind:
				s.Err = err
			case blind:
				s.guess(path, slot, "the kernel cannot be asked: "+err.Error())
			default:
				s.add(path, slot, file, table, open[file.Name])
			}
		}
		if thorough {
			s.Waiters = waitersIn(table, requests[i], all[i])
			s.findNested()
		}
	}
}

// tableFiles has the files of a request and its gate, as they are named in the kernel's
// table. A missing file has no name.
type tableFiles struct {
	files []locktable.File
	gate  locktable.File
}

// readTable identifies the files and reads the kernel's table of locks. Afterwards it
// identifies the files again: if a file was removed in between, as often happens to
// gates, another file in the table may have got its number. readTable leaves out a gate
// that has changed. If a lock file has changed, it begins again.
func readTable(states []State, requests []request, reads int) (all []tableFiles, table locktable.Table, err error) {
	mounts := locktable.Mounts{}
	all = identifyEach(states, requests, mounts)
	for range 3 {
		complete := false
		if reads == quickReads {
			table, complete = recordedHolds(requests, all)
		}
		if !complete {
			table, err = locktable.Read(reads)
			for _, r := range requests {
				reached(tableRead, r.key)
			}
		}
		again, changed := identifyEach(states, requests, mounts), false
		for i, now := range again {
			changed = changed || !slices.Equal(all[i].files, now.files)
			if all[i].gate != now.gate {
				all[i].gate = locktable.File{}
			}
		}
		if !changed {
			break
		}
		all = again
	}
	return all, table, err
}

// quickReads is how often the table is read for an Acquire that has waited in vain and
// must return.
const quickReads = 2

// recordedHolds returns the locks according to the records in the files, if the writer
// of each record holds its file exclusively, so that there are no other holders. That
// avoids reading the kernel's table, which takes about ten milliseconds: the kernel waits
// until no processor works on file locks.
func recordedHolds(requests []request, all []tableFiles) (table locktable.Table, complete bool) {
	table = locktable.Table{}
	for i, ids := range all {
		for j, file := range ids.files {
			if file.Name == "" { // a missing file is not held
				continue
			}
			r, ok := readRecord(requests[i].files[j].path)
			if !ok || !r.IsVisible() {
				return nil, false
			}
			l, holds := locktable.HeldBy(r.PID, file)
			if !holds || l.Shared || l.PID != r.PID {
				return nil, false
			}
			table[file.Name] = []locktable.Lock{l}
		}
	}
	return table, true
}

// identifyEach identifies the files of each request whose state has no error.
func identifyEach(states []State, requests []request, mounts locktable.Mounts) []tableFiles {
	all := make([]tableFiles, len(requests))
	for i, r := range requests {
		if states[i].Err == nil {
			all[i], states[i].Err = r.identify(mounts)
		}
	}
	return all
}

func (r request) identify(mounts locktable.Mounts) (ids tableFiles, err error) {
	for _, f := range r.files {
		file, err := mounts.Identify(f.path, f.isFD)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return tableFiles{}, err
		}
		ids.files = append(ids.files, file)
	}
	if r.gate != nil && r.gate.path != "" {
		ids.gate, _ = mounts.Identify(r.gate.path, false)
	}
	return ids, nil
}

// add adds what the kernel and the record tell about a file. open has, by PID, the
// processes that hold the lock through an open file.
func (s *State) add(path string, slot int, file locktable.File, table locktable.Table, open map[int]locktable.Lock) {
	took := table.Takers(file)
	r, recorded := readRecord(path)
	isHeld := len(took) > 0 || len(open) > 0
	told := recorded && isHeld && tellsOf(r, took)
	if recorded && isHeld && !told {
		open, told = withAdopter(open, r, file)
	}
	holders, exclusive := merge(took, open), false
	for _, h := range holders {
		h.Slot = slot
		if told && !h.Shared {
			h.Note, h.Since, h.Command = r.Note, r.Since, cmp.Or(h.Command, r.Command)
		}
		exclusive = exclusive || !h.Shared
		s.Holders = append(s.Holders, h)
	}
	for _, l := range table[file.Name] {
		if l.POSIX && !l.Waits {
			s.POSIX = append(s.POSIX, POSIXLock{PID: max(l.PID, 0), Command: process.CommandLine(l.PID), Shared: l.Shared, Slot: slot})
		}
	}
	unseen := whyUnseen(path, file)
	if exclusive || unseen != "" && len(holders) == 0 && isUnopened(path) {
		unseen = "" // there are no others
	}
	s.Unknown = cmp.Or(s.Unknown, unseen)
	// If the writer is alive and visible, but does not hold the lock, it wrote the record
	// after the kernel's table was read, or it is about to remove the record.
	meanwhile := unseen == "" && r.IsVisible() && r.MayRun()
	if recorded && !told && !meanwhile {
		s.addRecord(r, slot)
	}
}

// withAdopter adds the writer of the record to the holders if it holds the file exclusively.
// It has adopted the lock (see Adopt), so the table names another process. A reader writes no
// record: the one in the file is of an earlier hold.
func withAdopter(open map[int]locktable.Lock, r process.Record, file locktable.File) (map[int]locktable.Lock, bool) {
	if !r.IsVisible() || !r.MayRun() {
		return open, false
	}
	l, holds := locktable.HeldBy(r.PID, file)
	if !holds || l.Shared {
		return open, false
	}
	all := map[int]locktable.Lock{r.PID: l}
	maps.Copy(all, open)
	return all, true
}

// merge makes one list of the processes that took a lock and the processes that have
// its file open. A process that took the lock and does not have the file open any more
// has left the lock to others, unless its files cannot be seen.
func merge(took, open map[int]locktable.Lock) []Holder {
	all := maps.Clone(took)
	maps.DeleteFunc(all, func(pid int, _ locktable.Lock) bool { return len(open) > 0 && !process.IsHidden(pid) })
	maps.Copy(all, open)
	host, _ := os.Hostname()
	var list []Holder
	for pid, l := range all {
		list = append(list, Holder{PID: pid, Taker: max(l.PID, 0), Host: host, Command: process.CommandLine(pid), Shared: l.Shared})
	}
	slices.SortFunc(list, func(a, b Holder) int { return a.PID - b.PID })
	return list
}

// tellsOf reports whether the record is about the hold that the kernel shows, and not
// about an earlier one. An exclusive hold has one taker. If the taker is dead, the kernel
// shows no taker outside the initial PID namespace.
func tellsOf(r process.Record, took map[int]locktable.Lock) bool {
	switch len(took) {
	case 0:
		return r.IsVisible() && !r.MayRun()
	case 1:
		for pid := range took {
			return r.Wrote(pid)
		}
	}
	return false
}

// whyUnseen returns the reason why /proc/locks may not show this process all locks on
// the file; empty if it shows all.
func whyUnseen(path string, file locktable.File) string {
	if ns := process.Self().PIDNS; ns != "" && ns != process.InitialNamespace {
		return "the kernel hides the locks of other PID namespaces from this one"
	}
	if kind := fskind.Of(path); kind.Network {
		return "the kernel does not know the locks of other hosts on " + kind.Name
	}
	if file.Guessed {
		return "the mount of the file is not visible here, so its locks cannot be found in /proc/locks"
	}
	return ""
}

// waitersIn returns the processes that wait for one of the files, and then the processes
// that wait at the gate.
func waitersIn(table locktable.Table, r request, ids tableFiles) []Waiter {
	var list []Waiter
	since := map[int]time.Time(nil)
	listed := map[int]bool{}
	for _, file := range append(ids.files, ids.gate) {
		for _, l := range table[file.Name] {
			if !l.Waits || l.POSIX || l.PID > 0 && listed[l.PID] {
				continue
			}
			listed[l.PID] = true
			if since == nil {
				since = r.gate.waitingSince()
			}
			list = append(list, Waiter{PID: max(l.PID, 0), Command: process.CommandLine(l.PID), Since: since[l.PID], Shared: l.Shared})
		}
	}
	return list
}

// findNested sets Nested for waiters that wait for a lock of an ancestor, or for a lock
// that they inherited.
func (s *State) findNested() {
	for i := range s.Waiters {
		w := &s.Waiters[i]
		if w.PID <= 0 || len(s.Holders) == 0 {
			continue
		}
		above := process.Ancestors(w.PID)
		for _, h := range s.Holders {
			if slices.Contains(above, h.PID) || h.PID == w.PID && h.Taker != h.PID {
				w.Nested = append(w.Nested, h.PID)
			}
		}
	}
}
