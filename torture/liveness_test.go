//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
)

// leftRound returns a round that has ended, with a lock and a semaphore.
func leftRound(t *testing.T) (r *round, lock, sem object) {
	t.Helper()
	m, err := parseMix("small,calm,exclusive,semaphore")
	must(t, err)
	r, err = newRound(newPlan(7, 1, m), m, t.TempDir())
	must(t, err)
	t.Cleanup(r.overlap.close)
	must(t, r.createObjects())
	for _, o := range r.plan.objects {
		if o.kind == semaphore {
			sem = o
		} else {
			lock = o
		}
	}
	return r, lock, sem
}

// mustFind checks that the round has one violation for each text, in any order.
func (r *round) mustFind(t *testing.T, texts ...string) {
	t.Helper()
	if len(r.verdict.violations) != len(texts) {
		t.Errorf("found %v instead of %q", r.verdict.violations, texts)
	}
	for _, text := range texts {
		if !slices.ContainsFunc(r.verdict.violations, func(v violation) bool { return strings.Contains(v.String(), text) }) {
			t.Errorf("found only %v, not %q", r.verdict.violations, text)
		}
	}
}

func TestLeftRecords(t *testing.T) {
	t.Parallel()
	dead := exec.Command("true")
	must(t, dead.Run())
	record := fmt.Appendf(nil, "\x00"+`{"fsync":1,"pid":%d}`+"\n", dead.Process.Pid)
	r, lock, sem := leftRound(t)
	must(t, os.WriteFile(r.path(lock), record, 0o644))
	must(t, os.WriteFile(filepath.Join(r.path(sem), "1"), record, 0o644))
	r.checkRecords()
	r.mustFind(t, lock.path+" contains", sem.path+"/1 contains")
	r.verdict = verdict{}
	r.processes = []*process{{cmd: dead, killed: span{1, 2}}}
	r.checkRecords()
	r.mustFind(t)
	r.verdict, r.processes = verdict{}, nil
	uses := func(p program, o object) slot { return slot{program: p, clients: []habit{{object: o.number}}} }
	r.plan.slots = []slot{uses(droppingProgram, lock), uses(flockProgram, sem)}
	r.checkRecords()
	r.mustFind(t)
}

func TestLeftGates(t *testing.T) {
	t.Parallel()
	r, lock, sem := leftRound(t)
	must(t, os.WriteFile(gatePath(r.path(lock)), nil, 0o644))
	must(t, os.WriteFile(filepath.Join(r.path(sem), ".slots.gate"), nil, 0o644))
	r.checkGates()
	r.mustFind(t, lock.path+": no process waits", sem.path+": no process waits")
	r.verdict = verdict{}
	r.plan.faults = []*fault{{leaves: true}}
	r.checkGates()
	r.mustFind(t)
	r.plan.faults = nil
	r.inspect() // removes the gates
	r.checkLeft()
	r.mustFind(t)
}

// The process that takes every lock finds one that is held.
func TestInspection(t *testing.T) {
	t.Parallel()
	r, _, sem := leftRound(t)
	out, err := os.Create(filepath.Join(r.dir, "said"))
	must(t, err)
	defer out.Close()
	held := filelock.NewSemaphore(r.path(sem), sem.permit)
	must(t, held.Acquire(context.Background()))
	inspection{r.objects(), out}.takeSemaphore(sem)
	must(t, held.Release())
	said, err := os.ReadFile(out.Name())
	must(t, err)
	if want := fmt.Sprintf("not free: %s: at the end only %d of %d slots can be taken", sem.path, sem.permit-1, sem.permit); !strings.HasPrefix(string(said), want) {
		t.Errorf("it said %q", said)
	}
}
