//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A plan says what happens in one round. It depends on the seed, the number of the round
// and the mix alone, so a worker makes the plan again instead of being told it, and a
// round can be repeated. The scheduler decides the rest.
type plan struct {
	seed    uint64
	round   int
	length  time.Duration
	faults  []*fault // that strike in this round
	objects []object
	slots   []slot
	strikes []strike
}

type kind int

const (
	exclusiveLock kind = iota
	sharedLock         // a lock with readers and writers
	semaphore
	manualEvent
	autoEvent
	kinds
)

var kindNames = [kinds]string{"exclusive", "shared", "semaphore", "event", "autoreset"}

func (k kind) String() string { return kindNames[k] }

func (k kind) isEvent() bool { return k == manualEvent || k == autoEvent }

// An object is a lock, a semaphore or an event that many clients use.
type object struct {
	number int
	kind   kind
	path   string // in the directory of the objects
	permit int    // of a semaphore: the number of slots
	slow   bool   // it is used in bursts, with long pauses; see client.setInBursts and useBurstLock

	// What only the clients of plan.chooseSpecials do to it.
	resized bool // the number of its slots changes
	joint   bool // some clients take it together with other locks
	staying bool // the holder takes its file away, and stays
	lingers bool // its clients hold it for some milliseconds; see addLingering
	roams   bool // a process uses it by a relative path, in two directories

	// What faults do to it. The checks that this makes impossible are left out.
	fileMoves   bool // its file is removed, replaced or renamed
	dirMoves    bool // its directory is renamed away and back
	hidden      bool // at times something else is in the place of its file; see hiding
	remade      bool // its directory is removed and made again, or replaced by another
	sidecarGoes bool // other programs remove the directory .fsync beside it

	// What clients do to it.
	tidied  bool // they call Tidy
	foreign bool // they do without this library what it does, and more
	touched bool // they set it as touch(1) does
	kept    bool // its marker has other content than a record, and stays
}

func (o object) mask() uint64 { return 1 << o.number }

// The kinds of processes.
type program string

const (
	goProgram       program = "go"          // this library; several clients, which are goroutines
	flockProgram    program = "flock"       // a Go process whose clients run flock(1)
	fcntlProgram    program = "fcntl"       // Python's fcntl.flock
	pyfilelock      program = "py-filelock" // Python's filelock
	handingProgram  program = "handover"
	droppingProgram program = "dropping"   // its clients start processes that drop the Lock
	roamingProgram  program = "roaming"    // this library, in a process that changes its working directory
	fsyncLock       program = "fsync-lock" // a Go process whose clients run fsync-lock
	touchProgram    program = "touch"      // a Go process whose clients treat markers as touch(1), ln(1) and rm(1) do
)

// A slot is the place of one process. If the process is killed, another one takes the slot.
type slot struct {
	program program
	clients []habit // one for each client
}

// A habit is what a client does.
type habit struct {
	role   role
	object int
	others []int         // more events or locks, for calls with several of them
	pause  time.Duration // the longest pause between two operations
	part   int           // of the clients of a passed lock: which of them; see fault_pass.go
	slow   bool          // of a reader: one of its holds lasts for more than a second; of a burst lock: it looks for the gate
}

type role int

const (
	locks role = iota // exclusive, or a slot of a semaphore
	reads             // shared
	sets              // sets, clears and asks
	waits
	watches
	takes
	resizes // changes the number of slots often
	grows   // holds the only slot, and adds others
	joins   // takes several locks together
	stays   // takes the lock file away, and holds the lock for seconds
	tidies
	meddles // as another program
	queues  // plays a part in the queue of a passed lock
)

// A strike is one fault at one time.
type strike struct {
	at    time.Duration
	fault *fault
	seed  uint64
}

func newPlan(seed uint64, round int, m mix) *plan {
	rng := rand.New(rand.NewPCG(seed, uint64(round)))
	p := &plan{seed: seed, round: round, length: time.Duration(2500+rng.IntN(2000)) * time.Millisecond}
	goSlots := 14 + rng.IntN(8)
	if m.small {
		p.length, goSlots = p.length/5, 3
	}
	p.chooseFaults(rng, m)
	for _, f := range p.faults {
		if !m.small {
			p.length = max(p.length, f.length)
		}
	}
	p.chooseObjects(rng, m.kinds)
	p.chooseForeignEvents(rng, m)
	p.chooseSlots(rng, goSlots, m.programs)
	p.chooseSpecials(rng, m)
	p.chooseStrikes(rng)
	return p
}

// chooseFaults chooses up to three kinds of faults. Every fourth round of a long mix has
// none, because some checks need a calm round.
func (p *plan) chooseFaults(rng *rand.Rand, m mix) {
	possible := slices.Clone(m.faults)
	if len(possible) > 2 && rng.IntN(4) == 0 {
		return
	}
	rng.Shuffle(len(possible), func(i, j int) { possible[i], possible[j] = possible[j], possible[i] })
	for _, f := range possible[:min(len(possible), 1+rng.IntN(3))] {
		alone := f.alone || slices.ContainsFunc(p.faults, func(f *fault) bool { return f.alone })
		namespaces := f.entersNamespace && p.anyFault(func(f *fault) bool { return f.entersNamespace })
		if (!alone || len(p.faults) == 0) && !namespaces {
			p.faults = append(p.faults, f)
		}
	}
}

func (p *plan) has(name string) bool {
	return slices.ContainsFunc(p.faults, func(f *fault) bool { return f.name == name })
}

// usedBy reports whether a process of the program uses the object.
func (p *plan) usedBy(by program, o object) bool {
	return slices.ContainsFunc(p.slots, func(s slot) bool {
		return s.program == by && slices.ContainsFunc(s.clients, func(h habit) bool { return h.object == o.number })
	})
}

// faultNames returns the names of the faults of the round.
func (p *plan) faultNames() string {
	if len(p.faults) == 0 {
		return "no faults"
	}
	var names []string
	for _, f := range p.faults {
		names = append(names, f.name)
	}
	return strings.Join(names, ", ")
}

// anyFault reports whether a fault of the round has the property.
func (p *plan) anyFault(property func(*fault) bool) bool {
	return slices.ContainsFunc(p.faults, property)
}

// slowEvents is how many events of each kind change in bursts. There are many, because a
// notification is seldom lost.
const slowEvents = 12

func (p *plan) freezes() bool { return p.anyFault(func(f *fault) bool { return f.freezes }) }

// chooseObjects makes one to three objects of each kind.
func (p *plan) chooseObjects(rng *rand.Rand, of []kind) {
	movesFiles := p.anyFault(func(f *fault) bool { return f.movesFiles })
	movesDirs := p.anyFault(func(f *fault) bool { return f.movesDirs })
	hides := p.anyFault(func(f *fault) bool { return f.hides })
	for _, k := range of {
		for i := range 1 + rng.IntN(3) {
			o := object{number: len(p.objects), kind: k, permit: 1}
			dir := "still"
			if movesDirs && i == 0 && k != semaphore {
				dir, o.dirMoves = "moving", true
			} else if rng.IntN(2) == 0 {
				dir = "other"
			}
			isLock := k == exclusiveLock || k == sharedLock
			o.fileMoves = movesFiles && i == 0 && isLock
			o.hidden = hides && isLock && !o.fileMoves && !o.dirMoves && i <= 1
			if k == semaphore {
				o.permit = 1 + rng.IntN(5)
			}
			extension := [kinds]string{".lock", ".lock", ".sem", ".event", ".event"}[k]
			o.path = filepath.Join(dir, fmt.Sprintf("%s%d%s", k, i, extension))
			if k.isEvent() && !o.dirMoves && i < 2 {
				p.trouble(&o, i)
			}
			p.objects = append(p.objects, o)
		}
		for i := range slowEvents {
			if k.isEvent() {
				p.objects = append(p.objects, p.slowEvent(k, i))
			}
		}
	}
}

// chooseSlots makes dozens of processes. Each object has at least two clients.
func (p *plan) chooseSlots(rng *rand.Rand, goSlots int, programs []program) {
	busy := slices.DeleteFunc(slices.Clone(p.objects), func(o object) bool { return o.slow || o.kept })
	for range goSlots {
		s := slot{program: goProgram}
		for range 2 + rng.IntN(4) {
			s.clients = append(s.clients, p.habit(rng, busy[rng.IntN(len(busy))]))
		}
		p.slots = append(p.slots, s)
	}
	for i, o := range p.objects {
		for j, h := range p.needed(rng, o) {
			to := &p.slots[(i*3+j)%goSlots]
			to.clients = append(to.clients, h)
		}
	}
	for _, o := range p.objects {
		if !o.kind.isEvent() && !o.slow {
			p.choosePeers(rng, o, programs)
		}
	}
	p.chooseTouchers()
}

// choosePeers adds processes that do more, or use other programs. py-filelock has no shared
// locks, Python cannot tell two files with the same inode apart, only fsync-lock knows
// semaphores, and only the library refuses what hides a lock file.
func (p *plan) choosePeers(rng *rand.Rand, o object, programs []program) {
	for _, peer := range programs {
		if peer == touchProgram {
			continue // it uses events
		}
		chosen := rng.IntN(3) == 0
		h := habit{role: locks, object: o.number, pause: 30 * time.Millisecond}
		if o.kind == sharedLock && rng.IntN(2) == 0 {
			h.role = reads
		}
		isPython := peer == fcntlProgram || peer == pyfilelock
		unfit := peer != fsyncLock && o.kind == semaphore || peer != handingProgram && o.hidden
		if !chosen || unfit || isPython && o.fileMoves || peer == pyfilelock && o.kind == sharedLock || peer == roamingProgram {
			continue
		}
		p.slots = append(p.slots, slot{program: peer, clients: []habit{h}})
	}
}

// needed returns the clients without which an object would not be tested.
func (p *plan) needed(rng *rand.Rand, o object) (hs []habit) {
	roles := [kinds][]role{
		exclusiveLock: {locks, locks}, sharedLock: {locks, reads, reads}, semaphore: {locks, locks, locks},
		manualEvent: {sets, waits, watches}, autoEvent: {sets, takes, takes},
	}[o.kind]
	switch {
	case o.swept():
		roles = []role{sets, tidies, waits, watches, watches}
	case o.slow && o.kind == manualEvent && !o.touched:
		roles = []role{sets, waits, waits, waits}
	case o.slow && o.kind == autoEvent:
		roles = []role{sets, takes} // another one that sleeps would take what the first has missed
	case o.kept:
		roles = []role{sets, watches, watches, watches, watches}
	case o.touched:
		roles = []role{waits, waits, watches, watches}
	case o.foreign:
		roles = []role{sets, waits, waits, waits, watches, watches, watches}
	}
	if o.tidied && o.kind == autoEvent && o.number%3 == 0 {
		roles = append(roles, tidies)
	}
	for i, r := range roles {
		h := p.habit(rng, o)
		h.role, h.slow = r, o.kind == sharedLock && i == len(roles)-1 && rng.IntN(3) == 0
		hs = append(hs, h)
	}
	return hs
}

func (p *plan) habit(rng *rand.Rand, o object) habit {
	h := habit{object: o.number, pause: time.Duration(rng.IntN(4000)) * time.Microsecond}
	if rng.IntN(4) == 0 {
		h.pause *= 10
	}
	roles := [kinds][]role{
		exclusiveLock: {locks}, sharedLock: {locks, reads, reads}, semaphore: {locks},
		manualEvent: {sets, waits, waits, watches}, autoEvent: {sets, takes, takes, watches},
	}[o.kind]
	h.role = roles[rng.IntN(len(roles))]
	for _, other := range p.objects {
		if other.number != o.number && other.kind.isEvent() && !other.moves() && !other.slow && !other.kept && rng.IntN(2) == 0 {
			h.others = append(h.others, other.number)
		}
	}
	return h
}

// chooseStrikes chooses the times of the faults: each kind again and again.
func (p *plan) chooseStrikes(rng *rand.Rand) {
	for _, f := range p.faults {
		if f.strike == nil {
			continue
		}
		for at := 200 * time.Millisecond; at < p.length-200*time.Millisecond; {
			p.strikes = append(p.strikes, strike{at: at, fault: f, seed: rng.Uint64()})
			at += f.every/2 + time.Duration(rng.Int64N(int64(f.every)))
		}
	}
	slices.SortStableFunc(p.strikes, func(a, b strike) int { return int(a.at - b.at) })
}

// clientRand returns the random numbers of one client, which depend on its place only.
func (p *plan) clientRand(process, client int) *rand.Rand {
	return rand.New(rand.NewPCG(p.seed+uint64(process)<<20+uint64(client), uint64(p.round)))
}
