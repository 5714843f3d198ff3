//go:build linux

package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// A violation is a broken promise.
type violation struct {
	check string
	text  string
}

func (v violation) String() string { return v.check + ": " + v.text }

// A verdict is what the checks found in one round.
type verdict struct {
	violations []violation
	unknown    []string // histories that porcupine could not decide in time
	histories  int      // that porcupine decided
	queued     int      // waits that certainly stood in a queue for some time
	overtaken  int      // the most newcomers that overtook one wait
	drawings   string   // the directory for drawings of bad histories
}

// maxShown bounds the violations of one check and object: one fault causes many.
const maxShown = 3

func (v *verdict) add(check string, o object, format string, args ...any) {
	text := o.path + ": " + fmt.Sprintf(format, args...)
	n := 0
	for _, other := range v.violations {
		if other.check == check && strings.HasPrefix(other.text, o.path+": ") {
			n++
		}
	}
	if n < maxShown {
		v.violations = append(v.violations, violation{check, text})
	}
}

// porcupineTime bounds the search for an order of one history.
const porcupineTime = 5 * time.Second

// decide asks porcupine whether the operations have an order that the model allows.
func (v *verdict) decide(check string, o object, model porcupine.Model, ops []porcupine.Operation) {
	if len(ops) == 0 {
		return
	}
	switch porcupine.CheckOperationsTimeout(model, ops, porcupineTime) {
	case porcupine.Illegal:
		v.histories++
		v.add(check, o, "no order of its %d operations explains their results; %s", len(ops), v.explain(check, o, model, ops))
	case porcupine.Unknown:
		v.unknown = append(v.unknown, check+" "+o.path)
	default:
		v.histories++
	}
}

// explain draws the history, and names the first operation that is in no order that
// porcupine found.
func (v *verdict) explain(check string, o object, model porcupine.Model, ops []porcupine.Operation) string {
	_, info := porcupine.CheckOperationsVerbose(model, ops, porcupineTime)
	text := ""
	for _, partition := range info.PartialLinearizationsOperations() {
		longest := slices.MaxFunc(append(partition, nil), func(a, b []porcupine.Operation) int { return cmp.Compare(len(a), len(b)) })
		fits := map[porcupine.Operation]bool{}
		for _, op := range longest {
			fits[op] = true
		}
		first := porcupine.Operation{Return: never}
		for _, op := range ops {
			if !fits[op] && op.Return < first.Return {
				first = op
			}
		}
		text = fmt.Sprintf("%d of them fit, but not %+v from %s to %s", len(longest), first.Input, clock(first.Call), clock(first.Return))
	}
	if v.drawings != "" {
		page := filepath.Join(v.drawings, strings.ReplaceAll(check, " ", "-")+"-"+filepath.Base(o.path)+".html")
		if porcupine.VisualizePath(model, info, page) == nil {
			text += ", drawn in " + page
		}
	}
	return text
}

// checkStory runs all checks. It puts drawings of bad histories into the directory.
func checkStory(s *story, drawings string) *verdict {
	v := &verdict{drawings: drawings}
	v.checkOverlaps(s)
	v.checkFailures(s)
	v.checkResults(s)
	v.checkJoint(s)
	v.checkAlls(s)
	for _, o := range s.plan.objects {
		if o.kind.isEvent() {
			v.checkEvent(s, o)
		} else {
			v.checkLock(s, o)
		}
	}
	return v
}

// checkOverlaps reports what the critical sections have found by themselves.
func (v *verdict) checkOverlaps(s *story) {
	for _, r := range s.overlapped {
		v.add("overlap", s.plan.objects[bitOf(r.Objects)], "client %d.%d with hold %d/%d met hold %d/%d in the critical section at %s",
			r.Client>>8, r.Client&0xff, r.Hold>>32, r.Hold&(1<<32-1), uint64(r.Slept)>>32, uint64(r.Slept)&(1<<32-1), clock(r.Time))
	}
}

// checkFailures reports errors that no fault of the round explains.
func (v *verdict) checkFailures(s *story) {
	for _, op := range s.operations {
		o := s.plan.objects[bitOf(op.objects)]
		switch {
		case op.result == failed && !s.plan.excuses(op):
			v.add("error", o, "%v, errno %d", op, op.errno)
		case op.result == notHeld:
			v.add("error", o, "%v, but the client holds the lock", op)
		case op.result == lost && !o.fileMoves && !o.dirMoves && op.hidden == 0 && s.unlocked(op) == nil:
			v.add("error", o, "%v, but nobody has touched the lock file", op)
		}
	}
}

// excuses reports whether a fault of the round explains the failure of an operation.
func (p *plan) excuses(op *operation) bool {
	for _, o := range p.objects {
		if op.isOf(o) && p.anyFault(func(f *fault) bool { return f.excuses != nil && f.excuses(op, o) }) {
			return true
		}
	}
	return false
}

// late is the longest time for which a free lock, or an event that is set, may wait for its
// waiter on a machine that has time for it.
func (p *plan) late(o object) int64 {
	d := 500 * time.Millisecond
	if o.fileMoves || o.dirMoves {
		d += 2 * time.Second
	}
	if o.remade || o.foreign || o.kept { // some changes are seen by the check once a second
		d += time.Second
	}
	for _, f := range p.faults {
		d += f.slows
	}
	return int64(d)
}
