package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/getopt"
	"github.com/fsync-lock/fsync/cmd/internal/runlog"
)

// usage is a Printf format for the program's name.
const usage = `Usage: %[1]s [OPTION...] FILE|DIRECTORY COMMAND [ARGUMENT...]
   or: %[1]s [OPTION...] FILE|DIRECTORY -c SCRIPT
   or: %[1]s [OPTION...] DESCRIPTOR-NUMBER
Lock FILE while COMMAND runs, or lock a file that the shell has opened.
 -s, --shared               take a shared lock; -x, -e, --exclusive: the default
 -u, --unlock               unlock DESCRIPTOR-NUMBER
 -n, --nonblock, --nb       fail at once if the lock is held
 -w, --wait, --timeout SEC  fail if the lock is still held after SEC seconds
 -E, --conflict-exit-code N  exit status if -n or -w fails; default 1
     --skip                 exit with 0 if the lock is held; wait only with -w
     --slots N              allow N holders at a time; FILE is a directory
     --name NAME, --dir DIR lock NAME in DIR, $FSYNC_DIR or ~/.local/state/fsync
 -c, --command SCRIPT       run SCRIPT with $SHELL or /bin/sh
 -o, --close                COMMAND does not hold the lock; dies with fsync-lock
 -F, --no-fork              become COMMAND, do not wait for its end
     --fd NUMBER            lock this descriptor instead of FILE
     --env                  set FSYNC_LOCK_FILE and FSYNC_LOCK_NAME for COMMAND
     --max-runtime TIME     send TERM to COMMAND after TIME (90, 1.5m, 2h)
     --kill-after TIME      send KILL if it still runs TIME after that
     --journal FILE, --journal-max-size SIZE, --journal-no-args
                            add a line about this run to FILE
     --verbose, --note TEXT print more; show TEXT in fsync-status
 -h, --help, -V, --version  print this, or the version
Exit status: COMMAND's, 128+signal, 1 or -E if held, 64 usage; fsync-lock(1).
`

// A job is what the command line asks for.
type job struct {
	program cli.Program

	shared, unlock bool
	nonblock       bool
	timeout        time.Duration // 0 = one try
	conflictStatus int
	skip           bool

	path      string
	name, dir string
	fd        int // -1 = none
	slots     int // 0 = a lock, not a semaphore
	note      string

	command    []string // empty = lock only the descriptor
	noFork     bool
	close      bool
	env        bool
	verbose    bool
	maxRuntime time.Duration // 0 = no limit
	killAfter  time.Duration // 0 = no KILL

	log runlog.Log
}

// parse reads the command line. For an error see [cli.Program.Refuse].
func parse(program cli.Program, args []string) (*job, error) {
	j := &job{program: program, timeout: cli.Forever, conflictStatus: unset, fd: -1, log: runlog.FromEnvironment()}
	var script *string
	operands, err := getopt.Parse(args, append(j.options(&script), refused...))
	if err != nil {
		return nil, err
	}
	if j.path == "" && j.name == "" && j.fd < 0 {
		if len(operands) == 0 {
			return nil, errors.New("no file to lock")
		}
		j.path, operands = operands[0], operands[1:]
		if script == nil && len(operands) == 0 {
			return j, cmp.Or(j.takeDescriptor(), j.check())
		}
	}
	return j, cmp.Or(j.takeCommand(operands, script), j.check())
}

// takeDescriptor reads the only operand, which must be a descriptor.
func (j *job) takeDescriptor() error {
	fd, err := descriptorNumber(j.path)
	if err != nil {
		return fmt.Errorf("no command to run, and %w", err)
	}
	j.path, j.fd = "", fd
	return nil
}

// takeCommand reads the operands after the file: a command, or -c and a script.
// The script may also come from an option -c before the file.
func (j *job) takeCommand(operands []string, script *string) error {
	if script == nil && len(operands) > 0 && (operands[0] == "-c" || operands[0] == "--command") {
		if len(operands) != 2 {
			return fmt.Errorf("%s needs exactly one argument: SCRIPT", operands[0])
		}
		script, operands = &operands[1], nil
	}
	switch {
	case script != nil && len(operands) > 0:
		return errors.New("-c and a command exclude each other")
	case script != nil:
		j.command = shell(*script)
	case len(operands) == 0:
		return errors.New("no command to run")
	case operands[0] == "":
		return errors.New("the name of the command is empty")
	default:
		j.command = operands
	}
	return nil
}

// check refuses options that contradict each other, and sets the fields that
// depend on several options.
func (j *job) check() error {
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{j.noFork && j.close, "-F and -o exclude each other: no process would hold the lock"},
		{j.noFork && j.maxRuntime > 0, "-F and --max-runtime exclude each other: no process would remain to watch the time"},
		{j.killAfter > 0 && j.maxRuntime == 0, "--kill-after needs --max-runtime"},
		{j.dir != "" && j.name == "", "--dir needs --name"},
		{j.name != "" && j.fd >= 0, "--name and --fd exclude each other"},
		{j.slots > 0 && j.fd >= 0, "--slots needs a directory, not a descriptor"},
		{j.slots > 0 && (j.shared || j.unlock), "--slots and -s or -u exclude each other: a slot is always exclusive"},
		{j.note != "" && (j.fd >= 0 || j.noFork || j.shared || j.unlock), "--note needs an exclusive lock on FILE, without -F: fsync-lock writes the note into FILE and removes it at the end"},
		{j.skip && j.conflictStatus != unset, "--skip and -E exclude each other"},
		{j.command == nil && (j.env || j.maxRuntime > 0), "no command to run"},
	} {
		if rule.broken {
			return errors.New(rule.says)
		}
	}
	switch {
	case j.skip:
		j.conflictStatus = 0
	case j.conflictStatus == unset:
		j.conflictStatus = exitConflict
	}
	if j.nonblock || j.skip && j.timeout == cli.Forever {
		j.timeout = 0
	}
	return j.log.Check(j.isRun())
}

const unset = -1 // the conflict status without -E

// options is the table of all options. Long names that flock(1) does not have cannot be
// abbreviated, so each abbreviation means the same as in flock(1).
func (j *job) options(script **string) []getopt.Option {
	mode := func(shared, unlock bool) func(string) error {
		return func(string) error { j.shared, j.unlock = shared, unlock; return nil }
	}
	return slices.Concat(j.log.Options(), j.program.Options("fsync-lock", usage), []getopt.Option{
		{Short: "s", Long: []string{"shared"}, Set: mode(true, false)},
		{Short: "xe", Long: []string{"exclusive"}, Set: mode(false, false)},
		{Short: "u", Long: []string{"unlock"}, Set: mode(false, true)},
		{Short: "n", Long: []string{"nonblock", "nb", "nonblocking"}, Set: cli.Flag(&j.nonblock)},
		{Short: "w", Long: []string{"wait", "timeout"}, Arg: "SECONDS", Set: j.setTimeout},
		{Short: "E", Long: []string{"conflict-exit-code"}, Arg: "NUMBER", Set: j.setConflictStatus},
		{Long: []string{"skip"}, Whole: true, Set: cli.Flag(&j.skip)},
		{Long: []string{"slots"}, Arg: "NUMBER", Whole: true, Set: j.setSlots},
		{Long: []string{"name"}, Arg: "NAME", Whole: true, Set: cli.Text(&j.name)},
		{Long: []string{"dir"}, Arg: "DIR", Whole: true, Set: cli.Text(&j.dir)},
		{Long: []string{"note"}, Arg: "TEXT", Whole: true, Set: cli.Text(&j.note)},
		{Short: "c", Long: []string{"command"}, Arg: "SCRIPT", Whole: true, Set: func(s string) error { *script = &s; return nil }},
		{Short: "o", Long: []string{"close"}, Set: cli.Flag(&j.close)},
		{Short: "F", Long: []string{"no-fork"}, Set: cli.Flag(&j.noFork)},
		{Long: []string{"fd"}, Arg: "NUMBER", Set: cli.Parsed(&j.fd, descriptorNumber)},
		{Long: []string{"env"}, Whole: true, Set: cli.Flag(&j.env)},
		{Long: []string{"max-runtime"}, Arg: "TIME", Whole: true, Set: cli.Parsed(&j.maxRuntime, cli.Duration)},
		{Long: []string{"kill-after"}, Arg: "TIME", Whole: true, Set: cli.Parsed(&j.killAfter, cli.Duration)},
		{Long: []string{"verbose"}, Set: cli.Flag(&j.verbose)},
	})
}

// refused are the options of flock(1) that fsync-lock does not support.
var refused = []getopt.Option{
	{Long: []string{"fcntl"}, Whole: true, Set: refuseFcntl},
	{Long: []string{"start"}, Arg: "OFFSET", Whole: true, Set: refuseFcntl},
	{Long: []string{"length"}, Arg: "NUMBER", Whole: true, Set: refuseFcntl},
}

func refuseFcntl(string) error {
	return errors.New("fcntl(2) locks are not supported: fsync-lock uses flock(2) locks, which do not exclude them")
}

func (j *job) setTimeout(arg string) (err error) {
	if j.timeout, err = cli.Seconds(arg); errors.Is(err, cli.ErrNegative) {
		return cli.WithStatus(cli.ExitSystem, err) // flock(1) fails to set its timer, with this status
	}
	return err
}

func (j *job) setConflictStatus(arg string) error {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 0 || n > 255 {
		return fmt.Errorf("%q is not an exit status from 0 to 255", arg)
	}
	j.conflictStatus = n
	return nil
}

const mostSlots = 10_000 // see filelock.NewSemaphore

func (j *job) setSlots(arg string) error {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 || n > mostSlots {
		return fmt.Errorf("%q is not a number of slots; it must be from 1 to %d", arg, mostSlots)
	}
	j.slots = n
	return nil
}

func descriptorNumber(arg string) (int, error) {
	n, err := strconv.ParseInt(arg, 10, 32)
	if err != nil || n < 0 {
		return -1, fmt.Errorf("%q is not the number of a descriptor", arg)
	}
	return int(n), nil
}
