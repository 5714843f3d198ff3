//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The directories of events, beside still, other and moving.
const (
	tidiedDir  = "tidied"  // clients call Tidy there
	bareDir    = "bare"    // a fault removes .fsync there
	foreignDir = "foreign" // other programs make markers there
	keptDir    = "kept"    // a marker stays there
	oldDir     = "old"     // on a file system whose clock is slow; see fault_oldtimes.go
	setDir     = "set"     // an event there, alwaysSet, is set for ever
)

// Faults replace these directories: place1/reborn, place2/reborn and the link by, which leads
// to place1 or to place2.
const (
	byLink = "by"
	reborn = "reborn"
)

var places = [2]string{"place1", "place2"}

// remadeDirs are the paths of the directories that faults replace. Of two of them, the path
// may lead to the same directory, and one is the parent of another.
var remadeDirs = [3]string{filepath.Join(byLink, reborn), filepath.Join(places[1], reborn), byLink}

// eventDirs are the directories that a round makes for events.
var eventDirs = []string{tidiedDir, bareDir, foreignDir, keptDir, oldDir, setDir, filepath.Join(places[0], reborn), filepath.Join(places[1], reborn)}

// eventLinks are the symbolic links in the directory of the objects, and where they lead.
var eventLinks = map[string]string{byLink: places[0], "still" + secondPath: "still", "other" + secondPath: "other"}

// secondPath is the end of the name of a link to a directory. So each event in it has two
// paths.
const secondPath = "-too"

var alwaysSet = filepath.Join(setDir, "set.event")

func (p *plan) remakes() bool { return p.anyFault(func(f *fault) bool { return f.remakes }) }

// trouble puts the ith event of a kind into a directory in which a fault strikes, if there is
// one.
func (p *plan) trouble(o *object, i int) {
	dir := ""
	switch {
	case p.remakes():
		dir, o.remade = remadeDirs[i], true
	case p.has(removeSidecar) && o.kind == manualEvent:
		dir, o.sidecarGoes = bareDir, true
	default:
		return
	}
	o.path = filepath.Join(dir, filepath.Base(o.path))
}

// slowEvent returns the ith slow event of a kind. The faults of the round decide in which
// directory it is.
func (p *plan) slowEvent(k kind, i int) object {
	o := object{number: len(p.objects), kind: k, slow: true}
	dir := "still"
	switch {
	case p.remakes() && i%2 == 1:
		dir, o.remade = remadeDirs[i/2%len(remadeDirs)], true
	case p.has(oldTimes) && i%2 == 1:
		dir = oldDir
	case i%2 == 0:
		dir, o.tidied = tidiedDir, true
	}
	o.path = filepath.Join(dir, fmt.Sprintf("slow-%s%d.event", k, i))
	return o
}

// chooseForeignEvents adds the events that other programs use, too. A round in which a marker
// stays is long: a process looks at a directory that has not changed for seconds in another
// way than at one that has just changed.
func (p *plan) chooseForeignEvents(rng *rand.Rand, m mix) {
	if !slices.Contains(m.programs, touchProgram) || !slices.Contains(m.kinds, manualEvent) {
		return
	}
	dir := foreignDir
	if p.has(oldTimes) {
		dir = oldDir
	}
	for i, o := range p.objects { // some of those on the file system with the slow clock
		p.objects[i].touched = o.kind == manualEvent && o.slow && filepath.Dir(o.path) == oldDir && o.number%4 < 2
	}
	p.objects = append(p.objects, object{number: len(p.objects), kind: manualEvent, path: filepath.Join(dir, "foreign.event"), foreign: true})
	if (rng.IntN(4) == 0 || len(p.faults) == 0) && !m.small {
		p.length = max(p.length, 8*time.Second)
		p.objects = append(p.objects, object{number: len(p.objects), kind: manualEvent, path: filepath.Join(keptDir, "kept.event"), kept: true})
	}
}

// chooseTouchers adds the process of what other programs do to events.
func (p *plan) chooseTouchers() {
	s := slot{program: touchProgram}
	for _, o := range p.objects {
		switch h := (habit{object: o.number, pause: 4 * time.Millisecond}); {
		case o.foreign:
			h.role = meddles
			s.clients = append(s.clients, h, h)
		case o.touched:
			h.role = sets
			s.clients = append(s.clients, h)
		}
	}
	if s.clients != nil {
		p.slots = append(p.slots, s)
	}
}

// makeEventDirs makes the directories, the links, and the markers that are there from the
// begin.
func makeEventDirs(objects string) error {
	for _, dir := range eventDirs {
		if err := os.MkdirAll(filepath.Join(objects, dir), 0o755); err != nil {
			return err
		}
	}
	for name, to := range eventLinks {
		if err := os.Symlink(to, filepath.Join(objects, name)); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(objects, alwaysSet), nil, 0o666),
		os.WriteFile(filepath.Join(objects, keptDir, "kept.event"), []byte("not a record\n"), 0o666))
}
