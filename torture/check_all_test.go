//go:build linux

package main

import "testing"

// One of two AutoReset events, each with the place of its bit.
var (
	autoA = object{number: 0, kind: autoEvent, path: "a.event"}
	autoB = object{number: 1, kind: autoEvent, path: "b.event"}
	manC  = object{number: 2, kind: manualEvent, path: "c.event"}
	manD  = object{number: 3, kind: manualEvent, path: "d.event"}
)

func on(objects ...object) func(*operation) {
	return func(o *operation) {
		o.objects = 0
		for _, obj := range objects {
			o.objects |= obj.mask()
		}
	}
}

// took makes an operation a WaitAll of two AutoReset events that took these, each at a time.
func took(takes ...record) func(*operation) {
	return func(o *operation) { o.objects, o.hold, o.took = autoA.mask()|autoB.mask(), 2, takes }
}

// at is one of the takes: of the first event, or of the second one.
func at(ms int64, o object) record {
	return record{Time: ms * 1e6, Slept: ms*1e6 - 5e5, Objects: o.mask(), Hold: uint64(o.number)}
}

// allCase is a historyCase with several events.
type allCase struct {
	name   string
	ops    []*operation
	broken string
}

func (c allCase) test(t *testing.T) {
	t.Parallel()
	s := &story{plan: &plan{objects: []object{autoA, autoB, manC, manD}}}
	for _, op := range c.ops {
		s.addOperation(op, op.took)
	}
	s.order()
	checkFinds(t, checkStory(s, ""), c.broken)
}

func TestTakeAll(t *testing.T) {
	t.Parallel()
	crashed := killedBetween(20, 30)
	setA := func(from, to int64) *operation { return did(alice, opSet, from, to, on(autoA)) }
	setB := func(from, to int64) *operation { return did(alice, opSet, from, to, on(autoB)) }
	takes := func(by *process, o object, from, to int64) *operation { return did(by, opTake, from, to, on(o)) }
	for _, c := range []allCase{
		{name: "takes both", ops: []*operation{
			setA(1, 2), setB(3, 4), did(bob, opTakeAll, 0, 9, took(at(6, autoA), at(7, autoB))),
		}},
		{name: "sets again what it cannot take alone", ops: []*operation{
			setA(1, 2), setB(3, 4), takes(carol, autoB, 0, 8),
			did(bob, opTakeAll, 0, 50, took(at(6, autoA)), until(49), became(timedOut)), takes(carol, autoA, 51, 52),
		}},
		{name: "takes both at the second attempt", ops: []*operation{
			setA(1, 2), setB(3, 4), takes(carol, autoB, 0, 8), setB(20, 21),
			did(bob, opTakeAll, 0, 50, took(at(6, autoA), at(23, autoA), at(24, autoB))), did(carol, opTake, 55, 56, on(autoA), onlyLooked, became(no)),
		}},
		{name: "does not set again", broken: "event model", ops: []*operation{
			setA(1, 2), setB(3, 4), takes(carol, autoB, 0, 8), did(bob, opTakeAll, 0, 50, took(at(6, autoA)), until(49), became(timedOut)),
			did(carol, opIsSet, 51, 52, on(autoA), became(no)),
		}},
		{name: "what it took is taken twice", broken: "event model", ops: []*operation{
			setA(1, 2), setB(3, 4), did(bob, opTakeAll, 0, 9, took(at(6, autoA), at(7, autoB))), takes(carol, autoB, 0, 12),
		}},
		{name: "goes on after it has taken all", broken: "take all", ops: []*operation{
			setA(1, 2), setB(3, 4), did(bob, opTakeAll, 0, 50, took(at(6, autoA), at(7, autoB), at(8, autoA)), until(49), became(timedOut)),
		}},
		{name: "ends with one", broken: "take all", ops: []*operation{setA(1, 2), did(bob, opTakeAll, 0, 9, took(at(6, autoA)))}},
		{name: "takes in another order", broken: "take order", ops: []*operation{
			setA(1, 2), setB(3, 4), did(bob, opTakeAll, 0, 9, took(at(6, autoB), at(7, autoA))),
		}},
		{name: "sleeps while both are set", broken: "late wake-up", ops: []*operation{
			setA(1, 2), setB(3, 4), did(bob, opTakeAll, 0, 900, took(at(898, autoA), at(899, autoB)), sleptAt(1)),
		}},
		{name: "killed between two takes", ops: []*operation{
			setA(1, 2), setB(3, 4), did(crashed, opTakeAll, 0, openEnd, took(at(6, autoA))), did(bob, opIsSet, 31, 32, on(autoB)), did(bob, opIsSet, 31, 32, on(autoA), became(no)),
		}},
		{name: "killed before it could record a take", ops: []*operation{
			setA(1, 2), setB(3, 4), did(crashed, opTakeAll, 0, openEnd, took()), did(bob, opIsSet, 31, 32, on(autoA), became(no)),
		}},
		{name: "cannot set again", ops: []*operation{
			setA(1, 2), setB(3, 4), takes(carol, autoB, 0, 8), did(bob, opTakeAll, 0, 9, took(at(6, autoA)), byCancel),
			did(bob, opIsSet, 11, 12, on(autoA)),
		}},
	} {
		t.Run(c.name, c.test)
	}
}

// A wait for any of several events that was killed may have taken one of them.
func TestKilledWaitForAny(t *testing.T) {
	t.Parallel()
	crashed := killedBetween(20, 30)
	setA := did(alice, opSet, 1, 2, on(autoA))
	isClear := did(bob, opIsSet, 31, 32, on(autoA), became(no))
	for _, c := range []allCase{
		{name: "which came first", ops: []*operation{setA, did(crashed, opWait, 0, openEnd, on(manC, autoA)), isClear}},
		{name: "but not another one", broken: "event model", ops: []*operation{setA, did(crashed, opWait, 0, openEnd, on(manC, autoB)), isClear}},
		{name: "nor after it was killed", broken: "event model", ops: []*operation{
			setA, did(crashed, opWait, 0, openEnd, on(manC, autoA)), did(bob, opIsSet, 31, 32, on(autoA)), did(bob, opIsSet, 33, 34, on(autoA), became(no)),
		}},
	} {
		t.Run(c.name, c.test)
	}
}

func TestWaitAll(t *testing.T) {
	t.Parallel()
	setC := func(from, to int64) *operation { return did(alice, opSet, from, to, on(manC)) }
	setD := func(from, to int64) *operation { return did(alice, opSet, from, to, on(manD)) }
	clearC := func(from, to int64) *operation { return did(alice, opClear, from, to, on(manC)) }
	for _, c := range []allCase{
		{name: "one after the other", ops: []*operation{
			setC(5, 6), clearC(7, 8), setD(9, 10), did(bob, opWaitAll, 0, 11, on(manC, manD), sleptAt(1), until(100)),
		}},
		{name: "a pulse is lost", broken: "lost wake-up", ops: []*operation{
			setC(5, 6), clearC(7, 8), setD(9, 10), did(bob, opWaitAll, 0, 101, on(manC, manD), sleptAt(1), until(100), became(timedOut)),
		}},
		{name: "one is not set", ops: []*operation{
			setC(5, 6), did(bob, opWaitAll, 0, 101, on(manC, manD), sleptAt(1), until(100), became(timedOut)),
		}},
		{name: "woken late", broken: "late wake-up", ops: []*operation{
			setC(1, 2), setD(9, 10), did(bob, opWaitAll, 3, 900, on(manC, manD), sleptAt(4), until(1000)),
		}},
	} {
		t.Run(c.name, c.test)
	}
}
