//go:build linux

// Command bench measures filelock, fileevent and the commands beside their
// peers: every row of the project's tables of numbers, all peers of a row in
// one run, in rounds that alternate between them. It prints tables in Markdown.
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

// run is the command. Its status is 0 if everything could be measured,
// whatever came of it; 1 if something could not; 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "measure less, for a first look: about 4 minutes")
	only := flags.String("only", "", "the rows to measure, by name: locks, events, "+strings.Join(rowNames(allRows()), ", "))
	dir := flags.String("dir", "", "where to make a directory for lock files and markers (default: one in the system's temporary directory, and "+memoryDir+" for markers)")
	output := flags.String("o", "", "write the results to this file, too")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	chosen, err := choose(*only)
	if flags.NArg() > 0 {
		err = fmt.Errorf("%q is one argument too many", flags.Arg(0))
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

// benchmark measures the rows and writes the results, also those of a run that
// was ended before it was done.
func benchmark(ctx context.Context, chosen []row, s scale, dir, output string, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.limit, fmt.Errorf("not done within %v", s.limit))
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
	if output != "" && ctx.Err() == nil { // what is not complete replaces nothing
		if err := os.WriteFile(output, []byte(text), 0o666); err != nil {
			return err
		}
	}
	return failures(results)
}

// failures names what could not be measured though it should have been.
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
