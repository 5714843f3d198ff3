//go:build linux

// Command torture lets dozens of processes use the locks and events of this module at the
// same time, lets faults strike meanwhile, and checks by machine whether what happened keeps
// the promises.
//
//	go run . [-length 4m] [-seed N] [-mix WORD,...] [-o REPORT.md] [-round N] [-dir DIR]
//
// The time is divided into rounds of some seconds. A round has a plan, which depends on the
// seed and the number of the round alone: which locks and events there are, what each client
// does, and when which fault strikes. The scheduler decides the rest, so a repeated round is
// not the same, but alike.
//
// The exit status is 0 if there was no violation, 1 if there was one, and 2 for a wrong
// command line or if the torture itself has failed. After a violation, the directory of the
// round is kept.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if role := os.Getenv(roleVar); role != "" {
		os.Exit(playRole(role, os.Args[1:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

type options struct {
	length time.Duration
	seed   uint64
	mix    string
	output string
	round  int
	dir    string
	keepOn bool
	keep   bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("torture", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&o.length, "length", 4*time.Minute, "how long new rounds begin")
	flags.Uint64Var(&o.seed, "seed", 0, "the plan of all rounds (default: random; it is printed)")
	flags.StringVar(&o.mix, "mix", "", "only these faults, programs and kinds of objects, separated by commas: "+strings.Join(mixWords(), ", "))
	flags.StringVar(&o.output, "o", "", "also write the report to this file")
	flags.IntVar(&o.round, "round", 0, "repeat this round only")
	flags.StringVar(&o.dir, "dir", "", "make the directories of the rounds in this one (default: the system's temporary directory)")
	flags.BoolVar(&o.keepOn, "keep-on", false, "do not end at the first violation, or the first round in which the torture itself fails")
	flags.BoolVar(&o.keep, "keep", false, "keep the directories of all rounds")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return 2
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1 << 40)
	}
	fmt.Fprintln(stderr, "torture: seed", o.seed)
	t, err := torture(ctx, o, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "torture:", err)
	}
	if t == nil {
		return 2
	}
	io.WriteString(stdout, t.text())
	if o.output != "" {
		if err := os.WriteFile(o.output, []byte(t.text()), 0o666); err != nil {
			fmt.Fprintln(stderr, "torture:", err)
			return 2
		}
	}
	switch {
	case len(t.violations) > 0:
		return 1
	case len(t.spoiled) > 0, err != nil:
		return 2
	}
	return 0
}

// torture runs rounds until the length is over. While the processes of a round end, and its
// histories are checked, the next round runs.
func torture(ctx context.Context, o options, stderr io.Writer) (*report, error) {
	m, err := parseMix(o.mix)
	if err != nil {
		return nil, err
	}
	t := newReport(o.seed, o.mix)
	t.missing(m)
	m = m.possible()
	dir, err := os.MkdirTemp(o.dir, "torture-")
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, err
	}
	defer os.Remove(dir) // fails if a round was kept
	defer os.RemoveAll(filepath.Join(dir, commandsDir))
	if err := buildCommands(dir, m); err != nil {
		return nil, err
	}
	t.began = time.Now() // a build may take long on a busy machine
	before := make(chan struct{}, 1)
	before <- struct{}{}
	for n := max(o.round, 1); ; n++ {
		r, err := newRound(newPlan(o.seed, n, m), m, filepath.Join(dir, strconv.Itoa(n)))
		if err != nil {
			<-before
			return t, err
		}
		undo, err := r.run()
		if err != nil {
			r.trouble(err)
		}
		<-before
		go func() {
			defer func() { before <- struct{}{} }()
			t.check(r, undo, o.keep, stderr)
		}()
		if ctx.Err() != nil || o.round > 0 || time.Since(t.began) > o.length || t.hasFailed(o.keepOn) {
			<-before
			return t, nil
		}
	}
}

// check checks a round, and removes its directory if nothing was wrong.
func (t *report) check(r *round, undo func(), keep bool, stderr io.Writer) {
	s, v, err := r.finish(undo)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		fmt.Fprintf(stderr, "torture: round %d with %s (-seed %d -round %d) says nothing, kept in %s: %v\n", r.plan.round, r.plan.faultNames(), t.seed, r.plan.round, r.dir, err)
		t.spoiled = append(t.spoiled, fmt.Sprintf("round %d: %v", r.plan.round, err))
		return
	}
	t.add(r, s, v)
	for _, bad := range v.violations {
		fmt.Fprintf(stderr, "torture: VIOLATION after %v in round %d with %s (-seed %d -round %d), kept in %s: %v\n",
			time.Since(t.began).Round(100*time.Millisecond), r.plan.round, r.plan.faultNames(), t.seed, r.plan.round, r.dir, bad)
	}
	if len(v.violations) > 0 || keep {
		return
	}
	if err := removeTree(r.dir); err != nil { // a process that a killed one has started may still make a file
		fmt.Fprintf(stderr, "torture: remove %s: %v\n", r.dir, err)
	}
}

// mostSpoiled bounds the rounds in which the torture itself fails.
const mostSpoiled = 10

// hasFailed reports whether no other round is to begin.
func (t *report) hasFailed(keepOn bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.violations)+len(t.spoiled) > 0 && !keepOn || len(t.spoiled) >= mostSpoiled
}
