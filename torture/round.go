//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A round runs one plan: it starts the processes, lets the faults strike, and ends.
type round struct {
	plan    *plan
	mix     mix
	dir     string
	in      *namespace // in which the objects are; nil = none
	overlap overlapMap

	remaking sync.Mutex // held while a fault replaces directories of events

	over chan struct{} // closed when no fault strikes any more
	ends sync.WaitGroup

	hides sync.Mutex // held while something is in the place of a lock file

	mu        sync.Mutex // guards the fields below
	processes []*process
	bySlot    []*process // the process that is in each slot now
	closed    bool       // no process starts any more
	absences  []absence
	moves     []span // of the directories of events that are remade
	heads     []headStop
	stalls    []span         // in which this machine was slow
	struck    map[string]int // by the name of the fault
	troubles  []error        // why the round says nothing
	verdict   verdict        // of the end of the round

	lastNumbers []*operation // the numbers of slots at the end
	files       fileFaults
}

func newRound(p *plan, m mix, dir string) (*round, error) {
	r := &round{plan: p, mix: m, dir: dir, over: make(chan struct{}), bySlot: make([]*process, len(p.slots)), struck: map[string]int{}}
	for _, sub := range []string{"history", "stderr", "warm", "objects/still", "objects/other", "objects/moving"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	if err := makeEventDirs(objectsPath(dir)); err != nil {
		return nil, err
	}
	err := createOverlapMap(overlapPath(dir))
	if err == nil {
		r.overlap, err = openOverlapMap(overlapPath(dir))
	}
	return r, err
}

// path returns the path of an object.
func (r *round) path(o object) string { return filepath.Join(r.objects(), o.path) }

// objects returns the directory of the objects, as this process reaches it.
func (r *round) objects() string {
	if r.in != nil {
		return r.in.path(objectsPath(r.dir))
	}
	return objectsPath(r.dir)
}

func (r *round) isOver() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// pause waits for a time, or until no fault strikes any more.
func (r *round) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.over:
	}
}

// trouble reports an error of the torture itself.
func (r *round) trouble(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.troubles = append(r.troubles, err)
}

// run lets the round take place, up to the moment when all clients are done. finish does the
// rest.
func (r *round) run() (undo func(), err error) {
	undo = func() {}
	for _, f := range r.plan.faults {
		if f.setup == nil {
			continue
		}
		u, err := f.setup(r)
		if err != nil {
			return undo, fmt.Errorf("%s: %w", f.name, err)
		}
		before := undo
		undo = func() { u(); before() }
	}
	for slot := range r.plan.slots {
		if err := r.start(slot); err != nil {
			r.trouble(err)
		}
	}
	stop := r.watchMachine()
	r.strike()
	r.end()
	return undo, stop()
}

// watchMachine notices when this machine is too slow to blame a process for being late: when
// this process does not run, or when one of these steps takes long: lock and unlock a file,
// because they wait while some process reads /proc/locks, and rename it to another directory,
// because of all processes that do that in a file system one runs at a time. A take, a Clear
// and a Set do that too.
func (r *round) watchMachine() (stop func() error) {
	over, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		name, other := filepath.Join(r.dir, "machine"), filepath.Join(r.dir, "stderr", "machine") // no process watches there
		f, err := os.Create(name)
		if err != nil {
			ended <- err
			return
		}
		defer f.Close()
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		for last := now(); ; {
			select {
			case <-over:
				ended <- os.Remove(name)
				return
			case <-tick.C:
			}
			unix.Flock(int(f.Fd()), unix.LOCK_EX)
			unix.Flock(int(f.Fd()), unix.LOCK_UN)
			os.Rename(name, other)
			name, other = other, name
			t := now()
			if t-last > int64(beatLate) {
				r.mu.Lock()
				r.stalls = append(r.stalls, span{last, t})
				r.mu.Unlock()
			}
			last = t
		}
	}()
	return func() error {
		close(over)
		return <-ended
	}
}

// strike lets the faults strike at their times, and returns when all are undone.
func (r *round) strike() {
	begin := time.Now()
	end := time.AfterFunc(r.plan.length, func() { close(r.over) })
	defer end.Stop()
	busy := map[*fault]*sync.Mutex{} // two strikes of one fault do not overlap
	for _, f := range r.plan.faults {
		busy[f] = new(sync.Mutex)
	}
	var strikes sync.WaitGroup
	for _, s := range r.plan.strikes {
		r.pause(time.Until(begin.Add(s.at)))
		strikes.Go(func() {
			busy[s.fault].Lock()
			defer busy[s.fault].Unlock()
			if r.isOver() {
				return
			}
			err := s.fault.strike(r, rand.New(rand.NewPCG(s.seed, 0)))
			r.mu.Lock()
			defer r.mu.Unlock()
			if errors.Is(err, errMissed) {
				return
			}
			if r.struck[s.fault.name]++; err != nil {
				r.troubles = append(r.troubles, fmt.Errorf("%s: %w", s.fault.name, err))
			}
		})
	}
	<-r.over
	strikes.Wait()
}

// stuckAfter is how long clients may take to end, even on a busy machine.
const stuckAfter = 20 * time.Second

// end ends the input of all processes, and waits until their clients are done.
func (r *round) end() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	alive := r.alive()
	for _, p := range alive {
		p.in.Close()
	}
	limit := time.After(stuckAfter)
	for _, p := range alive {
		select {
		case <-p.done:
		case <-limit:
			r.stuck(alive)
			return
		}
	}
}

// stuck reports the processes whose clients are not done, with their goroutines.
func (r *round) stuck(ps []*process) {
	for _, p := range ps {
		select {
		case <-p.done:
			continue
		default:
		}
		r.violated("stuck", "process %d, %s, slot %d, still waits %v after the end; its goroutines are in %s", p.number, p.program, p.slot, stuckAfter, r.stderrPath(p))
		p.cmd.Process.Signal(syscall.SIGQUIT)
	}
}

func (r *round) violated(check, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdict.violations = append(r.verdict.violations, violation{check, fmt.Sprintf(format, args...)})
}

// finish waits for the processes, looks for what they have left, and checks the histories.
func (r *round) finish(undo func()) (*story, *verdict, error) {
	processes := map[int]*process{}
	r.waitForEnds()
	defer undo()
	r.overlap.close()
	r.mu.Lock()
	for _, p := range r.processes {
		processes[p.number] = p
	}
	absences, slow, troubles := r.absences, r.stalls, r.troubles
	r.mu.Unlock()
	if err := errors.Join(troubles...); err != nil {
		return nil, nil, err
	}
	r.checkEnds()
	s, err := readStory(r.plan, r.dir, processes, absences, slow)
	if err != nil {
		return nil, nil, err
	}
	s.hide(r.files)
	s.moves, s.heads = r.moves, r.heads
	r.checkLeft()
	s.operations = append(s.operations, r.lastNumbers...)
	v := checkStory(s, r.dir)
	v.violations = append(v.violations, r.verdict.violations...)
	return s, v, nil
}

// waitForEnds waits until all processes have ended. It kills those that do not.
func (r *round) waitForEnds() {
	ended := make(chan struct{})
	go func() {
		r.ends.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(patience + stuckAfter):
		r.violated("stuck", "some processes did not end")
		r.kill(r.alive()...)
		<-ended
	}
}

// checkEnds reports processes that ended in another way than they should, and what they have
// left.
func (r *round) checkEnds() {
	for _, p := range r.processes {
		if p.left != "" {
			r.violated("left over", "process %d, slot %d: %s", p.number, p.slot, p.left)
		}
		if p.killed.from == 0 && p.status != nil {
			r.violated("died", "process %d, %s, slot %d: %v: %s", p.number, p.program, p.slot, p.status, lastLines(r.stderrPath(p)))
		}
	}
}

func lastLines(path string) string {
	text, _ := os.ReadFile(path)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if i := strings.Index(string(text), "panic:"); i >= 0 {
		lines = strings.Split(string(text)[i:], "\n")[:1]
	}
	return lines[len(lines)-1]
}
