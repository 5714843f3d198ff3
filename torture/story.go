//go:build linux

package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"os"
)

// An operation is what one client did between two records.
type operation struct {
	span     // an operation in flight ends with its process
	op       opcode
	result   result
	flags    flags
	objects  uint64
	hold     uint64
	id       identity
	deadline int64 // never before the deadline of the call; 0 = it has none
	slept    int64 // of a semaphore: a number, see record
	errno    int64
	hidden   hiddenBy // what may have been in the place of the lock file meanwhile
	client   uint32
	by       *process

	took []record // what an opTakeAll took, in this order
	part bool     // it is one step of an opTakeAll

	stood standing // where it was seen to wait
}

func (o *operation) String() string {
	return fmt.Sprintf("%s by client %d.%d: %s, from %s to %s", o.op, o.client>>8, o.client&0xff, o.result, clock(o.from), clock(o.to))
}

// isOf reports whether the operation is on the object.
func (o *operation) isOf(obj object) bool { return o.objects&obj.mask() != 0 }

// A hold is one acquisition and its end.
type hold struct {
	number  uint64
	object  int
	shared  bool
	id      identity // the same for all holds of an object whose lock file stays
	slotID  identity // of a semaphore: the file of the slot
	slot    int      // and its number
	acquire span
	release span
	got     *operation
}

// certain is when the hold certainly lasted; possible is when it may have lasted.
func (h *hold) certain() span  { return span{h.acquire.to, h.release.from} }
func (h *hold) possible() span { return span{h.acquire.from, h.release.to} }

func (h *hold) excludes(other *hold) bool { return !h.shared || !other.shared }

func (h *hold) String() string {
	return fmt.Sprintf("hold %d/%d of client %d.%d from %s to %s", h.number>>32, h.number&(1<<32-1), h.got.client>>8, h.got.client&0xff, clock(h.acquire.to), clock(h.release.from))
}

// An absence is a time in which a file was certainly not at the path of its lock.
type absence struct {
	object int
	id     identity
	span
}

// A stall is a time in which a process did not run, or, if by is nil, the whole machine was
// slow.
type stall struct {
	by *process
	span
}

// A story is what happened in a round.
type story struct {
	plan       *plan
	operations []*operation // by their begin
	holds      []*hold      // by their acquisition
	absences   []absence
	heads      []headStop
	stalls     []stall // by their begin
	overlapped []record
	moves      []span // in which the directories of events that are remade changed
	events     map[int]*eventStory
	processes  map[int]*process
	files      fileFaults
}

// readStory reads the histories of all processes of a round.
func readStory(p *plan, dir string, processes map[int]*process, absences []absence, slow []span) (*story, error) {
	s := &story{plan: p, processes: processes, absences: absences}
	for _, sp := range slow {
		s.stalls = append(s.stalls, stall{nil, sp})
	}
	files, err := os.ReadDir(filepath.Join(dir, "history"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		number, err := strconv.Atoi(f.Name())
		if err != nil {
			return nil, err
		}
		records, err := readHistory(historyPath(dir, number))
		if err != nil {
			return nil, err
		}
		s.add(processes[number], records)
	}
	for _, p := range processes {
		for i, stop := range p.stops {
			if p.killed.to > 0 { // then it stays stopped until its end
				stop.to = min(stop.to, p.killed.to)
				p.stops[i] = stop
			}
			s.stalls = append(s.stalls, stall{p, stop})
		}
	}
	s.order()
	return s, nil
}

// add adds the records of one process. by is nil if another process has started it.
func (s *story) add(by *process, records []record) {
	inFlight := map[uint32]record{}
	details := map[uint32][]record{} // of the operation in flight
	for _, r := range records {
		switch r.Kind {
		case begins:
			inFlight[r.Client], details[r.Client] = r, nil
		case tookOne, stoodThere:
			details[r.Client] = append(details[r.Client], r)
		case ends:
			s.addOperation(newOperation(by, inFlight[r.Client], r), details[r.Client])
			delete(inFlight, r.Client)
		case stalls:
			s.stalls = append(s.stalls, stall{by, span{r.Time - r.Limit, r.Time}})
		case overlaps:
			s.overlapped = append(s.overlapped, r)
		case offPath:
			s.absences = append(s.absences, absence{bitOf(r.Objects), identity{r.File, r.Born}, span{r.Time, never}})
		}
	}
	for _, r := range inFlight {
		end := record{Time: never, Op: r.Op, Objects: r.Objects, Hold: r.Hold, Slept: r.Slept}
		if by != nil && by.killed.to > 0 && !by.startsWaiters() {
			end.Time = by.killed.to + s.startTime()
		}
		s.addOperation(newOperation(by, r, end), details[r.Client])
	}
}

// addOperation adds an operation and, if it takes several events, its steps.
func (s *story) addOperation(o *operation, details []record) {
	for _, d := range details {
		switch {
		case d.Kind == tookOne:
			o.took = append(o.took, d)
		case d.Hold == 0:
			o.stood.gate = span{d.Slept, d.Limit}
		default:
			o.stood.lock = span{d.Slept, d.Limit}
		}
	}
	s.operations = append(append(s.operations, o), o.steps(s.plan)...)
}

func newOperation(by *process, begin, end record) *operation {
	o := &operation{
		span: span{begin.Time, end.Time}, op: end.Op, result: end.Result, flags: begin.Flags | end.Flags, objects: end.Objects,
		hold: begin.Hold, id: identity{end.File, end.Born}, slept: end.Slept, client: begin.Client, by: by,
	}
	if begin.Limit > 0 {
		o.deadline = begin.Time + begin.Limit
	}
	if end.Result == failed {
		o.errno = end.Limit
	}
	return o
}

// order sorts what was read and finds the end of each hold.
func (s *story) order() {
	slices.SortFunc(s.operations, func(a, b *operation) int { return cmp.Compare(a.from, b.from) })
	slices.SortFunc(s.stalls, func(a, b stall) int { return cmp.Compare(a.from, b.from) })
	s.findHolds()
	slices.SortFunc(s.holds, func(a, b *hold) int { return cmp.Compare(a.acquire.to, b.acquire.to) })
}

func (s *story) findHolds() {
	byNumber := map[uint64]*hold{}
	for _, o := range s.operations {
		if (o.op == opAcquire || o.op == opShared) && o.result == ok {
			h := newHold(s.plan.objects[bitOf(o.objects)], o)
			byNumber[h.number] = h
			s.holds = append(s.holds, h)
		}
	}
	handed := map[uint64]bool{}
	for _, o := range s.operations {
		h := byNumber[o.hold]
		switch {
		case h == nil:
		case o.op == opHandOver:
			handed[o.hold] = true
		case o.op == opRelease, o.op == opLeaveGiven, o.op == opUnlock && o.result != failed, o.op == opLeave && o.flags&handedOver == 0:
			if h.release = o.span; o.result == open && o.by != nil && o.by.startsHolders() { // the other process may live a little longer
				h.release.to = never
			}
		}
	}
	for _, h := range s.holds {
		if h.release == (span{}) {
			if h.release = h.crash(handed[h.number]); h.release.to != never {
				h.release.to += s.startTime()
			}
		}
	}
}

func newHold(o object, got *operation) *hold {
	h := &hold{number: got.hold, object: o.number, shared: got.op == opShared, acquire: got.span, got: got}
	if o.fileMoves {
		h.id = got.id
	}
	if o.kind == semaphore {
		h.slotID, h.slot = got.id, int(got.slept)
	}
	return h
}

// crash returns the release of a hold that no call has ended: it ended between the kill and
// the return of wait(2). A process that starts others may leave a copy of the lock file to a
// child, which has it a little longer.
func (h *hold) crash(handedOver bool) span {
	by := h.got.by
	if by == nil || by.killed.from == 0 {
		return span{never, never}
	}
	s := by.killed
	if handedOver || by.startsHolders() {
		s.to = never
	}
	return s
}

// startTime is for how long a process that a killed one was just starting may have its locks.
func (s *story) startTime() int64 {
	if s.plan.has(startsOthers) {
		return int64(startTime)
	}
	return 0
}

// startsHolders reports whether other processes hold the locks of a process. They may live a
// little longer.
func (p *process) startsHolders() bool {
	return p.startsWaiters() || p.program == handingProgram
}

// startsWaiters reports whether other processes also wait for the locks.
func (p *process) startsWaiters() bool {
	return p.program == flockProgram || p.program == fsyncLock || p.program == droppingProgram
}

func bitOf(mask uint64) int {
	for i := range 64 {
		if mask&(1<<i) != 0 {
			return i
		}
	}
	return 0
}

// of returns the holds of an object.
func (s *story) of(o object) (holds []*hold) {
	for _, h := range s.holds {
		if h.object == o.number {
			holds = append(holds, h)
		}
	}
	return holds
}

// operationsOn returns the operations on an object.
func (s *story) operationsOn(o object) (ops []*operation) {
	for _, op := range s.operations {
		if op.isOf(o) {
			ops = append(ops, op)
		}
	}
	return ops
}

// stalled returns for how long some process did not run between two times.
func (s *story) stalled(from, to int64) int64 {
	return s.sumStalls(from, to, func(stall) bool { return true })
}

// stalledFor returns for how long the process of an operation did not run between two times.
func (s *story) stalledFor(op *operation, from, to int64) int64 {
	return s.sumStalls(from, to, func(st stall) bool { return st.by == nil || st.by == op.by })
}

func (s *story) sumStalls(from, to int64, counts func(stall) bool) (sum int64) {
	last := from
	for _, st := range s.stalls {
		if begin, end := max(st.from, last), min(st.to, to); begin < end && counts(st) {
			sum += end - begin
			last = end
		}
	}
	return sum
}

// clock formats a time of the clock.
func clock(t int64) string {
	if t == never {
		return "-"
	}
	return fmt.Sprintf("%.6f", float64(t)/float64(time.Second))
}
