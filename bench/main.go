//go:build linux

// Command bench compares filelock, fileevent and the commands with other libraries
// and commands, the peers. It measures each row with all its peers in one run, in
// rounds that alternate between the peers, and prints tables in Markdown.
//
//	go run . [-quick] [-only NAME,...] [-dir DIR] [-o RESULTS.md]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	if isRole() {
		os.Exit(playRole(os.Args[1:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs the command and returns its exit status: 0 if everything was measured,
// even if a bound was missed; 1 if something could not be measured; 2 for a wrong
// command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "measure less: about 4 minutes, too short to decide anything")
	only := flags.String("only", "", "measure only these rows or groups of rows: locks, events, commands, "+strings.Join(rowNames(allRows()), ", "))
	dir := flags.String("dir", "", "make the directory for lock files and markers in this one (default: the system's temporary directory, and "+memoryDir+" for markers)")
	output := flags.String("o", "", "also write the results to this file")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	chosen, err := choose(*only)
	if flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	s := fullScale
	if *quick {
		s = quickScale
	}
	if err := benchmark(ctx, chosen, s, *dir, *output, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

// benchmark measures the rows and prints the results. If the run is interrupted,
// it prints the results so far.
func benchmark(ctx context.Context, chosen []row, s scale, dir, output string, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.limit, fmt.Errorf("not finished within %v", s.limit))
	defer cancel()
	b, err := newBench(ctx, s, dir, stderr)
	if err != nil {
		return err
	}
	defer b.close()
	m := describeMachine(b)
	var results []result
	for _, r := range chosen {
		results = append(results, b.run(r))
	}
	m.loadAfter = loadAverage()
	text := report(m, s, results)
	if _, err := io.WriteString(stdout, text); err != nil {
		return err
	}
	if output != "" && ctx.Err() == nil { // incomplete results do not replace a file
		if err := os.WriteFile(output, []byte(text), 0o666); err != nil {
			return err
		}
	}
	return failures(results)
}

// failures returns an error for each peer that failed, except for peers that
// cannot run on this machine.
func failures(results []result) error {
	var errs []error
	for _, res := range results {
		for _, p := range res.row.peers {
			if err := res.failed[p]; err != nil && !cannotRun(err) {
				errs = append(errs, fmt.Errorf("%s: %s: %w", res.row.name, p, err))
			}
		}
	}
	return errors.Join(errs...)
}
