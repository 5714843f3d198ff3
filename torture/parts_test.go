//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// heldFile reads fields of the library that are not exported.
func TestHeldFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.lock")
	l := filelock.New(path)
	must(t, l.Acquire(context.Background()))
	want, err := identify(path)
	must(t, err)
	if got, named, err := identifyOpen(heldFile(l)); got != want || !named || err != nil {
		t.Errorf("%v, %v, %v instead of %v", got, named, err, want)
	}
	must(t, os.Remove(path))
	if got, named, err := identifyOpen(heldFile(l)); got != want || named || err != nil {
		t.Errorf("after the removal: %v, %v, %v", got, named, err)
	}
	s := filelock.NewSemaphore(filepath.Join(dir, "a.sem"), 1)
	must(t, s.Acquire(context.Background()))
	want, err = identify(filepath.Join(dir, "a.sem", "1"))
	must(t, err)
	if got, _, err := identifyOpen(heldFile(s)); got != want || err != nil || heldSlot(s) != 1 {
		t.Errorf("%v, %v instead of %v, in slot %d", got, err, want, heldSlot(s))
	}
}

// A plan depends on the seed, the round and the mix alone.
func TestPlan(t *testing.T) {
	t.Parallel()
	m, err := parseMix("")
	must(t, err)
	again, err := parseMix(m.String())
	must(t, err)
	if !reflect.DeepEqual(m, again) {
		t.Errorf("%v became %v", m, again)
	}
	one := newPlan(7, 3, m)
	if again := newPlan(7, 3, m); !reflect.DeepEqual(one.slots, again.slots) || !reflect.DeepEqual(one.objects, again.objects) || len(one.strikes) != len(again.strikes) {
		t.Error("the same seed gives another plan")
	}
	if other := newPlan(8, 3, m); reflect.DeepEqual(one.slots, other.slots) {
		t.Error("another seed gives the same plan")
	}
	struck := map[string]bool{}
	for round := range 200 {
		p := newPlan(7, round, m)
		if len(p.objects) > ownCells {
			t.Errorf("%d objects", len(p.objects))
		}
		for _, s := range p.strikes {
			struck[s.fault.name] = true
		}
	}
	for _, f := range allFaults {
		if !struck[f.name] && f.strike != nil && f.impossible() == nil {
			t.Errorf("%s never strikes", f.name)
		}
	}
}

func TestMix(t *testing.T) {
	t.Parallel()
	m, err := parseMix("kill,event,autoreset")
	must(t, err)
	if len(m.faults) != 1 || !reflect.DeepEqual(m.kinds, []kind{manualEvent, autoEvent}) {
		t.Errorf("%+v", m)
	}
	m, err = parseMix(calm)
	must(t, err)
	if m.faults != nil || len(m.kinds) != int(kinds) {
		t.Errorf("%+v", m)
	}
	if _, err := parseMix("earthquake"); err == nil {
		t.Error("accepted a fault that does not exist")
	}
}

// A history has what was written, and tells what was in flight.
func TestHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "history"), 0o755))
	h, err := createHistory(historyPath(dir, 1))
	must(t, err)
	c := &client{worker: &worker{history: h}, number: 1 << 8, object: aLock}
	c.do(record{Op: opAcquire, Hold: 5, Limit: 10}, func(r *record) { r.Result, r.File = ok, 77 })
	h.write(record{Time: 9, Client: 1 << 8, Kind: stalls, Limit: 4})
	h.write(record{Time: now(), Client: 1 << 8, Kind: begins, Op: opRelease, Hold: 5, Objects: 1})
	p := killedBetween(1, 2)
	s, err := readStory(&plan{objects: []object{aMoving}}, dir, map[int]*process{1: p}, nil, nil)
	must(t, err)
	if len(s.operations) != 2 || len(s.holds) != 1 || !reflect.DeepEqual(s.stalls, []stall{{p, span{5, 9}}}) {
		t.Fatalf("%+v", s)
	}
	got := s.operations[0]
	if got.op != opAcquire || got.result != ok || got.id.file != 77 || got.deadline != got.from+10 || s.operations[1].to != 2e6 {
		t.Errorf("%+v, %+v", got, s.operations[1])
	}
}

// The critical section finds a second holder, unless the process of the first is dead.
func TestOverlapMap(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "map")
	must(t, createOverlapMap(path))
	m, err := openOverlapMap(path)
	must(t, err)
	dead := exec.Command("true")
	must(t, dead.Run())
	mine, theirs := uint64(os.Getpid())<<32|1, uint64(os.Getppid())<<32|1
	gone := uint64(dead.Process.Pid)<<32 | 1
	c := m.cell(aLock, identity{})
	for _, step := range []struct {
		what string
		got  uint64
		want uint64
	}{
		{"enter", c.enter(gone), 0},
		{"enter after a crash", c.enter(mine), 0},
		{"enter beside a holder", c.enter(theirs), mine},
		{"join beside a writer", c.join(theirs, 0), mine},
	} {
		if step.got != step.want {
			t.Errorf("%s: %d instead of %d", step.what, step.got, step.want)
		}
	}
	if !c.leave(mine) || c.leave(mine) || !c.part(theirs) {
		t.Error("leave and part")
	}
	if c.join(mine, 1) != 0 || c.join(theirs, 1) != mine || c.enter(theirs) != mine {
		t.Error("join with one permit")
	}
	if a, b := m.cell(aMoving, identity{1, 1}), m.cell(aMoving, identity{2, 1}); a == b || a != m.cell(aMoving, identity{1, 1}) {
		t.Error("cells of files")
	}
}
