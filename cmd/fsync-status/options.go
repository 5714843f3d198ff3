package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/fsync-status/internal/report"
	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/getopt"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
)

// usage is a Printf format for the program's name.
const usage = `Usage: %[1]s [OPTION...] [DIRECTORY|FILE...]
   or: %[1]s --held FILE
   or: %[1]s --report JOURNAL... > PAGE.html
Show locks, semaphores and events, the processes that hold, set or wait for
them, and deadlocks. FILE is a lock file, the directory of a semaphore or an
event (NAME.event); for any other DIRECTORY, everything in it is shown. The
default is $FSYNC_DIR or ~/.local/state/fsync, as for fsync-lock --name.

     --json     print JSON, for scripts
     --watch    show the table live on a terminal; q or Ctrl-C ends it
 -a, --all      show every process that shares a hold, not only the first
     --held     print nothing; exit with 0 if FILE is held, with 1 if not, and
                with 66 if that is not known
     --report   print an HTML page of the runs in journals, which fsync-lock
                and fsync-event write with --journal
     --since TIME, --until TIME
                with --report: only the runs of this time, such as
                2026-03-14, '2026-03-14 02:30', or 2h for two hours ago
 -h, --help     print this
 -V, --version  print the version

Exit status: 0; 1 if FILE is not held; 64 for wrong usage; 66 if a file is
missing or cannot be read; 70 if the output fails. See fsync-status(1).
`

// A query is what the command line asks for.
type query struct {
	program cli.Program

	json, watch, held, report bool
	all                       bool
	interval                  report.Interval
	operands                  []string
}

// parse reads the command line. For an error see [cli.Program.Refuse].
func parse(program cli.Program, args []string) (*query, error) {
	q := &query{program: program}
	var err error
	if q.operands, err = getopt.ParseMixed(args, q.options()); err != nil {
		return q, err
	}
	return q, q.check()
}

// options is the table of all options.
func (q *query) options() []getopt.Option {
	now := time.Now()
	parseTime := func(text string) (time.Time, error) { return report.ParseTime(text, now) }
	return append(q.program.Options("fsync-status", usage), []getopt.Option{
		{Long: []string{"json"}, Set: cli.Flag(&q.json)},
		{Long: []string{"watch"}, Set: cli.Flag(&q.watch)},
		{Short: "a", Long: []string{"all"}, Set: cli.Flag(&q.all)},
		{Long: []string{"held"}, Set: cli.Flag(&q.held)},
		{Long: []string{"report"}, Set: cli.Flag(&q.report)},
		{Long: []string{"since"}, Arg: "TIME", Set: cli.Parsed(&q.interval.Since, parseTime)},
		{Long: []string{"until"}, Arg: "TIME", Set: cli.Parsed(&q.interval.Until, parseTime)},
	}...)
}

// check returns an error if options or operands contradict each other.
func (q *query) check() error {
	modes := 0
	for _, mode := range []bool{q.json, q.watch, q.held, q.report} {
		if mode {
			modes++
		}
	}
	switch {
	case modes > 1:
		return errors.New("--json, --watch, --held and --report exclude each other")
	case q.held && len(q.operands) != 1:
		return errors.New("--held needs exactly one FILE")
	case q.report && len(q.operands) == 0:
		return errors.New("--report needs a JOURNAL")
	case !q.report && q.interval != (report.Interval{}):
		return errors.New("--since and --until need --report")
	case q.interval.IsEmpty():
		return errors.New("--until is before --since")
	case q.held && strings.HasSuffix(q.operands[0], ".event"):
		return errors.New("--held: an event is not held; use fsync-event is-set")
	case len(q.operands) == 0:
		_, err := userdir.Default()
		return err
	}
	if slices.Contains(q.operands, "") {
		return errors.New("a FILE is an empty string")
	}
	return nil
}
