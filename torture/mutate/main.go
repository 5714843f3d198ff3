//go:build linux

// Command mutate checks the tests: it changes one small thing in the code, runs the tests of
// the package, and expects that one of them fails. A change that no test notices survives.
// mutate exits with 1 if a change survives that survivors.txt does not list with a reason, or
// if survivors.txt lists a change that the code of today does not have. A listed change may be
// noticed all the same, because some depend on the order in which processes run.
//
//	go run ./mutate [-only WORD] [-part N/M] [-tests PACKAGE,...] [-j N] [-v] PACKAGE...
//
// Run it in the directory of the torture. The packages are relative to the repository, such
// as ./internal/watch. See mutants.go for the changes, and run.go for how the tests run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status: 0 if every survivor is listed, 1 if not, and 2 for a wrong
// command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", "..", "the directory of the module")
	list := flags.String("list", filepath.Join("mutate", "survivors.txt"), "the file of survivors and their reasons")
	only := flags.String("only", "", "make only the changes whose names contain this")
	tests := flags.String("tests", "", "run the tests of these packages, too")
	j := flags.Int("j", 3, "how many changes to try at the same time")
	part := flags.String("part", "1/1", "make only a part of the changes: with 2/5 the second of every five")
	verbose := flags.Bool("v", false, "print each change, also those in code that no test runs")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil || flags.NArg() == 0:
		fmt.Fprintln(stderr, "usage: mutate [options] PACKAGE...")
		return 2
	}
	known, err := readReasons(*list)
	if err != nil {
		fmt.Fprintln(stderr, "mutate:", err)
		return 2
	}
	status := 0
	for _, pkg := range flags.Args() {
		s := &subject{root: *root, only: *only, pkg: pkg, known: known, tests: []string{pkg}}
		if _, err := fmt.Sscanf(*part, "%d/%d", &s.part, &s.parts); err != nil || s.part < 1 || s.part > s.parts {
			fmt.Fprintln(stderr, "mutate: -part: want a number, a slash and a number that is not smaller")
			return 2
		}
		if *tests != "" {
			s.tests = append(s.tests, strings.Split(*tests, ",")...)
		}
		err := s.try(ctx, *j)
		s.report(stdout, *verbose)
		if err != nil {
			fmt.Fprintln(stderr, "mutate:", err)
			return 1
		}
		if s.failed {
			status = 1
		}
	}
	return status
}

// A subject is a package whose tests are checked.
type subject struct {
	root, only, pkg string
	part, parts     int
	tests           []string // packages
	known           map[string]string
	mutants         []*mutant
	gone            []string // what is listed for this package, and is no mutant of it
	failed          bool     // a survivor is not listed, or there is something in gone
}

// try tries each mutant with the tests that reach it.
func (s *subject) try(ctx context.Context, j int) error {
	b, err := s.build(ctx)
	if err != nil {
		return err
	}
	defer b.remove()
	if err := b.reach(ctx, s.mutants, j); err != nil {
		return err
	}
	return parallel(ctx, j, s.mutants, func(m *mutant) error {
		start := time.Now()
		err := b.try(ctx, m)
		m.took = time.Since(start)
		return err
	})
}

// parallel calls do for each thing, j at a time, until one call fails.
func parallel[T any](ctx context.Context, j int, things []T, do func(T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan T)
	var running sync.WaitGroup
	for range j {
		running.Go(func() {
			for thing := range work {
				if err := do(thing); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, thing := range things {
		select {
		case work <- thing:
		case <-ctx.Done():
		}
	}
	close(work)
	running.Wait()
	return context.Cause(ctx)
}

// report prints what no test noticed, and compares it with the list.
func (s *subject) report(out io.Writer, verbose bool) {
	for _, name := range s.gone {
		s.failed = true
		fmt.Fprintf(out, "NO SUCH CHANGE: %s\n", name)
	}
	count, slow := map[verdict]int{}, 0
	for _, m := range s.mutants {
		count[m.verdict]++
		if m.by == timeLimit {
			slow++
		}
		reason, listed := s.known[m.name]
		bad := m.verdict == survives && !listed
		s.failed = s.failed || bad
		if listed {
			m.by += "; listed: " + reason
		}
		if bad || m.verdict == killed && listed || verbose {
			fmt.Fprintf(out, "%s: %s (line %d, %.1f s) %s\n", m.verdict, m.name, m.line, m.took.Seconds(), m.by)
		}
	}
	fmt.Fprintf(out, "%s: %d changes: %d noticed, %d of them by the time limit, %d survive, %d in code that no test reaches, %d not tried\n",
		s.pkg, len(s.mutants), count[killed], slow, count[survives], count[unreached], count[untried])
}

// readReasons reads the list of survivors: lines with the names of mutants below a line that
// begins with "# " and says why they survive.
func readReasons(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	reason := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if is, ok := strings.CutPrefix(line, "# "); ok {
			reason = is
		} else if line != "" {
			if reason == "" {
				return nil, fmt.Errorf("%s: %q has no reason", file, line)
			}
			known[line] = reason
		}
	}
	return known, nil
}
