//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"
)

// chooseSpecials adds objects for operations that would spoil the other checks, or that need
// an object with few clients. Only the clients that are chosen here use them.
func (p *plan) chooseSpecials(rng *rand.Rand, m mix) {
	has := func(k kind) bool { return slices.Contains(m.kinds, k) }
	if has(semaphore) && rng.IntN(3) > 0 {
		p.addResized(rng)
	}
	if (has(exclusiveLock) || has(sharedLock)) && rng.IntN(3) > 0 {
		p.addJoint(rng, has)
	}
	if has(exclusiveLock) && p.has(startsOthers) {
		p.addQuiet(rng)
	}
	if has(exclusiveLock) && p.has(replaceByHolder) {
		p.addStaying(rng)
	}
	if has(exclusiveLock) && slices.Contains(m.programs, roamingProgram) && rng.IntN(2) == 0 {
		p.addRoaming(rng)
	}
	if has(exclusiveLock) && p.has(gateFile) && len(p.objects)+lingerLocks <= ownCells {
		p.addLingering(rng)
	}
	if has(exclusiveLock) && p.has(passFirst) && len(p.objects)+passedLocks <= ownCells {
		p.addPassed(rng)
	}
	if has(exclusiveLock) && len(p.objects)+burstLocks <= ownCells {
		p.addBursts(rng)
	}
}

func (p *plan) addObject(o object) object {
	o.number, o.permit = len(p.objects), max(o.permit, 1)
	p.objects = append(p.objects, o)
	return o
}

// addClients gives an object clients in different processes of this library.
func (p *plan) addClients(rng *rand.Rand, o object, others []int, roles ...role) (in []*slot) {
	var slots []int
	for i, s := range p.slots {
		if s.program == goProgram {
			slots = append(slots, i)
		}
	}
	first := rng.IntN(len(slots))
	for i, r := range roles {
		s := &p.slots[slots[(first+i)%len(slots)]]
		pause := time.Duration(rng.IntN(3000)) * time.Microsecond
		s.clients = append(s.clients, habit{role: r, object: o.number, others: others, pause: pause})
		in = append(in, s)
	}
	return in
}

// addResized adds a semaphore whose number of slots changes: often, or while its only slot is
// held for long.
func (p *plan) addResized(rng *rand.Rand) {
	o := p.addObject(object{kind: semaphore, path: "still/resized.sem", permit: 1 + rng.IntN(5), resized: true})
	roles := []role{locks, locks, locks, locks}
	if rng.IntN(2) == 0 {
		roles = append(roles, resizes, resizes)
	} else {
		roles = append(roles, grows)
	}
	p.addClients(rng, o, nil, roles...)
}

// addJoint adds locks that some clients take together.
func (p *plan) addJoint(rng *rand.Rand, has func(kind) bool) {
	var all []int
	for i := range 3 {
		k := exclusiveLock
		if has(sharedLock) && (i == 0 || !has(exclusiveLock)) {
			k = sharedLock
		}
		path := filepath.Join([]string{"still", "other"}[i%2], fmt.Sprintf("joint%d.lock", i))
		all = append(all, p.addObject(object{kind: k, path: path, joint: true}).number)
	}
	for _, n := range all {
		o := p.objects[n]
		p.addClients(rng, o, all, joins, joins)
		p.addClients(rng, o, nil, locks)
		if o.kind == sharedLock {
			p.addClients(rng, o, nil, reads)
		}
	}
}

// addStaying adds locks whose file goes while it is held for seconds. Only one other process
// waits for each of them. It has two clients, which often make each other wait.
func (p *plan) addStaying(rng *rand.Rand) {
	p.length += time.Second
	for i := range 2 {
		o := p.addObject(object{kind: exclusiveLock, path: fmt.Sprintf("still/stay%d.lock", i), fileMoves: true, staying: true})
		waits := p.addClients(rng, o, nil, stays, locks)[1]
		waits.clients = append(waits.clients, habit{role: locks, object: o.number, pause: 300 * time.Microsecond})
	}
}

// addRoaming adds two locks whose files have one name in two directories, and a process that
// goes from one directory to the other.
func (p *plan) addRoaming(rng *rand.Rand) {
	var both []int
	for _, dir := range roamingDirs {
		o := p.addObject(object{kind: exclusiveLock, path: filepath.Join(dir, roamingName), roams: true})
		p.addClients(rng, o, nil, locks, locks)
		both = append(both, o.number)
	}
	s := slot{program: roamingProgram}
	for range 3 {
		s.clients = append(s.clients, habit{role: locks, object: both[0], others: both, pause: time.Millisecond})
	}
	p.slots = append(p.slots, s)
}
