package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/getopt"
	"github.com/fsync-lock/fsync/cmd/internal/runlog"
	"github.com/fsync-lock/fsync/fileevent"
)

// usage is a Printf format for the program's name.
const usage = `Usage: %[1]s set|clear|is-set|info|wait [OPTION...] FILE...
   or: %[1]s run --when NAME [OPTION...] [--] COMMAND [ARGUMENT...]
An event is set while its FILE exists. Set, clear, show or wait for events, or
run COMMAND when all of them are set.
     --name NAME        use the event NAME, not a FILE; all operands are names
     --dir DIR          its directory, not $FSYNC_DIR or ~/.local/state/fsync
     --note TEXT        set, run: store a note that info shows
     --json             info: print JSON, for scripts
 -w, --timeout SECONDS  wait, run: give up after that time; 0 looks once
     --max-age TIME     wait, run: ignore events set longer ago (90, 2h)
 -q, --quiet            wait, run: print only errors
     --any              wait: until one of the events is set
     --cleared          wait: until the events are clear
     --take             wait, run: clear them; each set wakes only one waiter
     --when NAME        run: wait for this event; with a slash in it, a FILE
     --set NAME         run: set this event if COMMAND succeeds
     --each             run: once for each set, until a signal or -w ends it
     --journal FILE, --journal-max-size SIZE, --journal-no-args
                        run: add a line about this run to FILE
 -h, --help, -V, --version  print this, or the version
wait prints the events that ended the wait. Exit status: 0, or COMMAND's; 1 not
set or not in time; 128+signal; 64 wrong usage; 66 an event cannot be read, set
or cleared; 69 70 71 73 other errors: see fsync-event(1).
`

// verbs are the words that the command line begins with.
var verbs = []string{"set", "clear", "is-set", "info", "wait", "run"}

// A query is what the command line asks for.
type query struct {
	program cli.Program
	verb    string

	operands []string // with run, the command
	names    []string // from --name
	dir      string
	note     string
	json     bool

	timeout            time.Duration // 0 = one look
	maxAge             time.Duration // 0 = no limit
	any, cleared, take bool
	quiet              bool
	onEach             bool // any is set, too
	log                runlog.Log

	when, set []string

	taken map[string]fileevent.Info // the events that a wait has taken, by label
}

// parse reads the command line. For an error see [cli.Program.Refuse].
func parse(program cli.Program, args []string) (*query, error) {
	q := &query{program: program, timeout: cli.Forever, log: runlog.FromEnvironment()}
	args, err := getopt.Parse(args, q.options())
	switch {
	case err != nil:
		return q, err
	case len(args) == 0:
		return q, errors.New("no command; the commands are " + strings.Join(verbs, ", "))
	case !slices.Contains(verbs, args[0]):
		return q, fmt.Errorf("unknown command %q; the commands are %s", args[0], strings.Join(verbs, ", "))
	}
	q.verb = args[0]
	if q.verb == "run" { // options after its command belong to that command
		q.operands, err = getopt.Parse(args[1:], q.options())
	} else {
		q.operands, err = getopt.ParseMixed(args[1:], q.options())
	}
	if err != nil {
		return q, err
	}
	return q, q.check()
}

// check refuses missing operands and options that contradict each other, and adds the
// names to the operands.
func (q *query) check() error {
	runs := q.verb == "run"
	named := len(q.names) > 0
	if runs {
		named = slices.ContainsFunc(slices.Concat(q.when, q.set), isName)
	}
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{runs && len(q.when) == 0, "run needs --when and the event to wait for"},
		{runs && len(q.operands) == 0, "no command to run"},
		{runs && len(q.operands) > 0 && q.operands[0] == "", "the name of the command is empty"},
		{runs && q.note != "" && len(q.set) == 0, "--note needs --set: the note is stored with the event of --set"},
		{!runs && len(q.operands)+len(q.names) == 0, q.verb + " needs an event: a FILE, or --name NAME"},
		{!runs && !named && slices.Contains(q.operands, ""), "the name of a FILE is empty"},
		{q.dir != "" && !named, "--dir needs a name"},
		{q.cleared && q.maxAge > 0, "--cleared and --max-age exclude each other"},
		{q.cleared && q.take, "--cleared and --take exclude each other"},
	} {
		if rule.broken {
			return errors.New(rule.says)
		}
	}
	q.operands = append(q.names, q.operands...)
	if runs {
		return q.log.Check(runs)
	}
	return nil
}

// options is the table of the options and of the verbs that have them. It also has the
// options that the verb does not have: their Set functions tell which verbs have them.
func (q *query) options() []getopt.Option {
	var options []getopt.Option
	journal, general := q.log.Options(), q.program.Options("fsync-event", usage)
	for _, row := range []struct {
		verbs string // empty = all; the option may also stand before the verb
		getopt.Option
	}{
		{"set clear is-set info wait", getopt.Option{Long: []string{"name"}, Arg: "NAME", Set: cli.List(&q.names)}},
		{"set clear is-set info wait run", getopt.Option{Long: []string{"dir"}, Arg: "DIR", Set: cli.Text(&q.dir)}},
		{"set run", getopt.Option{Long: []string{"note"}, Arg: "TEXT", Set: func(s string) error { q.note = s; return nil }}},
		{"info", getopt.Option{Long: []string{"json"}, Set: cli.Flag(&q.json)}},
		{"wait run", getopt.Option{Short: "w", Long: []string{"timeout"}, Arg: "SECONDS", Set: cli.Parsed(&q.timeout, cli.Seconds)}},
		{"wait run", getopt.Option{Long: []string{"max-age"}, Arg: "TIME", Set: q.setMaxAge}},
		{"wait run", getopt.Option{Short: "q", Long: []string{"quiet"}, Set: cli.Flag(&q.quiet)}},
		{"wait", getopt.Option{Long: []string{"any"}, Set: cli.Flag(&q.any)}},
		{"wait", getopt.Option{Long: []string{"cleared"}, Set: cli.Flag(&q.cleared)}},
		{"wait run", getopt.Option{Long: []string{"take"}, Set: cli.Flag(&q.take)}},
		{"run", getopt.Option{Long: []string{"when"}, Arg: "NAME", Set: cli.List(&q.when)}},
		{"run", getopt.Option{Long: []string{"set"}, Arg: "NAME", Set: cli.List(&q.set)}},
		{"run", getopt.Option{Long: []string{"each"}, Set: func(string) error { q.onEach, q.any = true, true; return nil }}},
		{"run", journal[0]}, {"run", journal[1]}, {"run", journal[2]},
		{"", general[0]}, {"", general[1]},
	} {
		if of := strings.Fields(row.verbs); len(of) > 0 && !slices.Contains(of, q.verb) {
			row.Set = func(string) error { return misplacedOption(q.verb, of) }
		}
		options = append(options, row.Option)
	}
	return options
}

func misplacedOption(verb string, of []string) error {
	if verb == "" {
		return errors.New("it must follow a command: " + strings.Join(of, ", "))
	}
	return fmt.Errorf("it is not for %s, only for %s", verb, strings.Join(of, ", "))
}

func (q *query) setMaxAge(arg string) (err error) {
	if q.maxAge, err = cli.Duration(arg); err == nil && q.maxAge == 0 {
		err = errors.New("it must be more than 0")
	}
	return err
}
