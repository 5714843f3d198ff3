//go:build linux

// Command bugs checks the checker: it puts each known fault back into a copy of the
// repository, one at a time, and runs the torture, which must find it. It prints a table,
// and exits with 1 if a bug is not found or cannot be put in.
//
//	go run ./bugs [-only NAME,...] [-ci] [-tests] [-o TABLE.md]
//
// Run it in the directory of the torture.
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
	"slices"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status: 0 if all bugs were found, 1 if not, and 2 for a wrong command
// line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bugs", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "put in only the bugs with these names, separated by commas")
	ci := flags.Bool("ci", false, "put in only the bugs that CI puts in each time")
	tests := flags.Bool("tests", false, "run the test that each bug names, and not the torture")
	list := flags.Bool("list", false, "print the bugs, and put none in")
	output := flags.String("o", "", "also write the table to this file")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	bugs, err := readBugs("bugs")
	if err == nil {
		bugs, err = choose(bugs, *only)
	}
	if flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, "bugs:", err)
		return 2
	}
	if *ci {
		bugs = slices.DeleteFunc(bugs, func(b bug) bool { return !b.ci })
	}
	if *list {
		for _, b := range bugs {
			fmt.Fprintf(stdout, "%s: %s (mended in %s)\n", b.name, b.what, b.mendedIn)
		}
		return 0
	}
	results, err := hunt(ctx, bugs, *tests, stderr)
	if table := tableOf(results); len(results) > 0 {
		io.WriteString(stdout, table)
		if *output != "" {
			err = errors.Join(err, os.WriteFile(*output, []byte(table), 0o666))
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "bugs:", err)
		return 1
	}
	if slices.ContainsFunc(results, func(r result) bool { return !r.found }) {
		return 1
	}
	return 0
}

// hunt puts each bug into a copy of the repository and looks for it.
func hunt(ctx context.Context, bugs []bug, tests bool, progress io.Writer) (results []result, err error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return nil, err
	}
	t, err := copyTree(root)
	if err != nil {
		return nil, err
	}
	defer t.remove()
	for _, b := range bugs {
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		r, err := t.look(ctx, b, tests)
		if err != nil {
			return results, err
		}
		results = append(results, r)
		fmt.Fprintln(progress, r)
	}
	return results, nil
}
