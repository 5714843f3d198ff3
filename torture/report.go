//go:build linux

package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A report sums up the rounds.
type report struct {
	mu         sync.Mutex
	seed       uint64
	mix        string
	commit     string
	began      time.Time
	rounds     int
	calm       int // rounds without faults
	processes  int
	operations map[string]int
	ofEvents   int            // of these, operations on events
	waits      map[string]int // for locks and for events, that lasted for some time
	holds      map[string]int
	excused    map[string]int // failures that a fault explains
	struck     map[string]int
	killed     int
	stalled    time.Duration
	histories  int
	unknown    []string
	cannot     []string // what is not possible on this machine, and why
	violations []string
	spoiled    []string // rounds that say nothing, because the torture itself has failed
	recoveries []recovery
	queued     int // waits that certainly stood in a queue for some time
	overtaken  int // the most newcomers that overtook one wait
}

func newReport(seed uint64, mix string) *report {
	return &report{seed: seed, mix: mix, commit: commit(), began: time.Now(), operations: map[string]int{}, waits: map[string]int{}, holds: map[string]int{}, excused: map[string]int{}, struck: map[string]int{}}
}

// missing notes what the mix asks for and this machine cannot do.
func (t *report) missing(m mix) {
	for _, f := range m.faults {
		if err := f.impossible(); err != nil {
			t.cannot = append(t.cannot, f.name+": "+err.Error())
		}
	}
	for _, p := range m.programs {
		if err := p.missing(); err != nil {
			t.cannot = append(t.cannot, string(p)+": "+err.Error())
		}
	}
}

// add adds what a round has shown.
func (t *report) add(r *round, s *story, v *verdict) {
	t.rounds++
	if len(r.plan.faults) == 0 {
		t.calm++
	}
	t.processes += len(r.processes)
	for _, op := range s.operations {
		if op.part {
			continue
		}
		name := op.op.String()
		if op.flags&byPeer != 0 {
			name += " by a peer"
		}
		t.operations[name]++
		of := "locks"
		if s.plan.objects[bitOf(op.objects)].kind.isEvent() {
			of = "events"
			t.ofEvents++
		}
		if op.mayEndInVain() && op.to != never && op.to-op.from > longWait {
			t.waits[of]++
		}
		if op.op == opReplace {
			t.struck[replaceByHolder]++
		}
		if op.result == failed && op.errno > 0 {
			t.excused[name+": "+syscall.Errno(op.errno).Error()]++
		}
	}
	for _, h := range s.holds {
		o := s.plan.objects[h.object]
		name := o.kind.String()
		if o.kind == sharedLock && !h.shared {
			name = "exclusive, of a shared lock"
		}
		t.holds[name]++
	}
	for name, n := range r.struck {
		t.struck[name] += n
	}
	for _, p := range r.processes {
		if p.killed.from > 0 {
			t.killed++
		}
	}
	for _, st := range s.stalls {
		t.stalled += time.Duration(st.to - st.from)
	}
	t.recoveries = append(t.recoveries, recoveries(s)...)
	t.histories += v.histories
	t.queued += v.queued
	t.overtaken = max(t.overtaken, v.overtaken)
	t.unknown = append(t.unknown, v.unknown...)
	for _, bad := range v.violations {
		t.violations = append(t.violations, fmt.Sprintf("round %d: %v", r.plan.round, bad))
	}
}

// longWait is what counts as a wait in the report.
const longWait = int64(time.Millisecond)

// commit returns the commit of the source, as far as it is known.
func commit() string {
	git := func(args ...string) (string, error) {
		out, err := exec.Command("git", append([]string{"-C", sourceRoot()}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	at, err := git("rev-parse", "--short", "HEAD")
	changes, err2 := git("status", "--porcelain", "--untracked-files=no")
	switch {
	case err != nil || err2 != nil:
		return "unknown"
	case changes != "":
		return at + ", with changes"
	}
	return at
}

// machine describes the machine.
func machine() string {
	var u unix.Utsname
	unix.Uname(&u) // it cannot fail
	as := "as root"
	if os.Geteuid() != 0 {
		as = "not as root"
	}
	return fmt.Sprintf("%d processors, Linux %s, %s, %s", runtime.NumCPU(), unix.ByteSliceToString(u.Release[:]), runtime.Version(), as)
}

// processorTime returns what this process has used, or what its children have that have ended.
func processorTime(of int) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(of, &u); err != nil {
		panic(err) // every Linux has it
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// text returns the report in Markdown.
func (t *report) text() string {
	var b strings.Builder
	took := time.Since(t.began)
	workers, checks := processorTime(unix.RUSAGE_CHILDREN), processorTime(unix.RUSAGE_SELF)
	perThousand := (workers + checks) * 1000 / time.Duration(max(sum(t.operations), 1))
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Torture\n")
	line("| what | how much |\n|---|---|")
	line("| commit | %s |", t.commit)
	line("| machine | %s |", machine())
	line("| seed | %d |", t.seed)
	line("| mix | %s |", cmp.Or(t.mix, "all"))
	line("| time | %v |", took.Round(time.Second))
	line("| rounds | %d, %d of them without faults |", t.rounds, t.calm)
	line("| processes | %d, %d of them killed |", t.processes, t.killed)
	line("| operations | %d, %.0f a second, %d of them on events |", sum(t.operations), float64(sum(t.operations))/took.Seconds(), t.ofEvents)
	line("| holds | %d |", sum(t.holds))
	line("| waits of more than %v | %d for locks, %d for events |", time.Duration(longWait), t.waits["locks"], t.waits["events"])
	line("| strikes of faults | %d |", sum(t.struck))
	line("| processor time | %v for the processes, %v for this one and its checks, %v for 1000 operations |", workers.Round(time.Second), checks.Round(time.Second), perThousand.Round(time.Millisecond))
	line("| histories that porcupine decided | %d, not in time %d |", t.histories, len(t.unknown))
	line("| violations | %d |", len(t.violations))
	line("| rounds in which the torture itself failed | %d |", len(t.spoiled))
	line("| newcomers that overtook one wait, at most | %d, of %d waits that were seen in the queue |", t.overtaken, t.queued)
	line("| missed beats of processes, in all | %v |", t.stalled.Round(time.Millisecond))
	line("\n## Recovery\n\n| from | times | median | p99 | longest |\n|---|---|---|---|---|")
	writeRecoveries(line, t.recoveries, false)
	writeRecoveries(line, t.recoveries, true)
	writeCounts(line, "Operations", t.operations)
	writeCounts(line, "Holds", t.holds)
	writeCounts(line, "Failures that a fault explains", t.excused)
	line("\n## Faults\n\n| fault | what it does | strikes |\n|---|---|---|")
	for _, f := range allFaults {
		line("| %s | %s | %d |", f.name, f.about, t.struck[f.name])
	}
	for _, what := range t.cannot {
		line("\nnot possible here: %s", what)
	}
	for _, bad := range t.violations {
		line("\n**VIOLATION** %s", bad)
	}
	for _, bad := range t.spoiled {
		line("\nsays nothing: %s", bad)
	}
	for _, u := range t.unknown {
		line("\nnot decided in time: %s", u)
	}
	return b.String()
}

func writeCounts(line func(string, ...any), title string, counts map[string]int) {
	line("\n## %s\n\n| kind | number |\n|---|---|", title)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		line("| %s | %d |", name, counts[name])
	}
}
