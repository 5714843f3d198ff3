//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/fsync-lock/fsync/filelock"
)

// checkLeft checks what the processes of a round have left in the directories. All of them
// have ended. It comes before a lock is taken again, because that repairs what was left.
func (r *round) checkLeft() {
	r.checkGates()
	r.checkRecords()
	for _, o := range r.plan.objects {
		if o.resized {
			r.lastNumber(o)
		}
	}
	r.inspect()
	r.checkFiles()
}

// mayLeave reports whether a process may have been unable to remove its gate or its record: by
// a fault, because another file was there, or because a client has killed its fsync-lock, or
// because it ended while it had the lock.
func (r *round) mayLeave(o object) bool {
	otherFile := o.fileMoves || o.dirMoves || o.hidden || o.staying || o.roams
	return otherFile || r.plan.usedBy(fsyncLock, o) || r.plan.usedBy(droppingProgram, o) || r.plan.anyFault(func(f *fault) bool { return f.leaves })
}

// checkGates checks that no gate is there. The last waiter removes it.
func (r *round) checkGates() {
	if len(r.killed()) > 0 {
		return
	}
	for _, o := range r.plan.objects {
		if !o.kind.isEvent() && !r.mayLeave(o) && gateIsThere(o.gated(r.objects())) {
			r.violated("left over", "%s: no process waits any more, but the gate is still there", o.path)
		}
	}
}

// killed returns the processes that were killed, by their PIDs.
func (r *round) killed() map[int]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	pids := map[int]bool{}
	for _, p := range r.processes {
		if p.killed.from > 0 {
			pids[p.cmd.Process.Pid] = true
		}
	}
	return pids
}

// checkRecords checks that the lock files are empty: a hold that ends removes its record. Only
// a killed process leaves one, until the next that keeps records has the lock.
func (r *round) checkRecords() {
	killed := r.killed()
	for _, o := range r.plan.objects {
		if o.kind.isEvent() || r.mayLeave(o) || r.mayKeepRecord(o) {
			continue
		}
		for _, path := range r.lockFiles(o) {
			if at, err := os.Lstat(path); err != nil || !at.Mode().IsRegular() {
				continue
			}
			text, err := os.ReadFile(path)
			if err == nil && len(text) > 0 && !killed[recordedPID(text)] {
				r.violated("left over", "%s contains %q, but no process holds it", path, text)
			}
		}
	}
}

// mayKeepRecord reports whether the record of a hold may stay: a process that has left a hold
// cannot remove it while a reader or another program has the lock, and neither do these.
func (r *round) mayKeepRecord(o object) bool {
	others := []program{flockProgram, fcntlProgram, pyfilelock}
	return o.kind == sharedLock || slices.ContainsFunc(others, func(p program) bool { return r.plan.usedBy(p, o) })
}

// lockFiles returns the paths of a lock, or of the slots of a semaphore.
func (r *round) lockFiles(o object) []string {
	if o.kind != semaphore {
		return []string{r.path(o)}
	}
	paths, _ := filepath.Glob(filepath.Join(r.path(o), "[0-9]*"))
	return paths
}

// recordedPID returns the PID in a record, or 0.
func recordedPID(record []byte) int {
	var fields struct{ PID int }
	json.Unmarshal(bytes.TrimPrefix(record, []byte{0}), &fields) // what is no record has no PID
	return fields.PID
}

// lastNumber puts the number of slots at the end into the history, so that the checks see
// whether it can be that number.
func (r *round) lastNumber(o object) {
	n, err := filelock.Slots(r.path(o))
	if errors.Is(err, os.ErrNotExist) { // no process has used it
		return
	}
	if err != nil {
		r.violated("error", "%s: the number of slots at the end: %v", o.path, err)
		return
	}
	r.lastNumbers = append(r.lastNumbers, &operation{span: span{now(), now()}, op: opSlots, result: ok, objects: o.mask(), slept: int64(n)})
	if _, err := os.Lstat(filepath.Join(r.path(o), "resize.lock")); err == nil && !r.plan.anyFault(func(f *fault) bool { return f.kills || f.leaves }) {
		r.violated("left over", "%s: the file resize.lock", o.path)
	}
}

// The files that may stay: the objects, their tombstones, and, if processes were killed or
// could not reach a directory, what they were about to make. A client may kill its fsync-lock,
// which uses no events.
var (
	lasting    = regexp.MustCompile(`^(\.|still|other|moving|tidied|bare|foreign|kept|old|set|by|place[12]|reborn|.*-too|[^.].*\.(lock|sem|event)|\.fsync|.*\.event\.(pulse|set)|slots|[0-9]+)$`)
	unfinished = regexp.MustCompile(`^(\.fsync\.[0-9a-f]+|[0-9a-f]+\.(new|taken)|.*\.event\.(pulse|set)\.old)$`)
	halfSlots  = regexp.MustCompile(`^slots\.([0-9a-f]+|new)$`)
)

func (r *round) checkFiles() {
	interrupts := r.plan.anyFault(func(f *fault) bool { return f.kills || f.movesDirs || f.remakes || f.freezes })
	killsLocks := interrupts || r.plan.uses(fsyncLock)
	filepath.WalkDir(r.objects(), func(path string, d os.DirEntry, err error) error {
		name := d.Name()
		switch {
		case path == r.objects(), lasting.MatchString(name), interrupts && unfinished.MatchString(name), killsLocks && halfSlots.MatchString(name):
		default:
			r.violated("left over", "the file %s", path)
		}
		return err
	})
}
