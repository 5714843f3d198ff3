package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/fsync-lock/fsync/internal/getopt"
)

const version = "0.1.0"

const usage = `Usage: fsync-lock [OPTION...] FILE|DIRECTORY COMMAND [ARGUMENT...]
       fsync-lock [OPTION...] FILE|DIRECTORY -c SCRIPT
       fsync-lock [OPTION...] --name NAME [--dir DIR] COMMAND [ARGUMENT...]
Run COMMAND while holding a lock on FILE, which is made if it is missing and
not removed. COMMAND inherits the lock: killing fsync-lock does not free it.

  -s, --shared                share the lock with others that share it
  -x, -e, --exclusive         share it with nobody; the default
  -n, --nonblock, --nb        fail at once if the lock is held
  -w, --wait, --timeout SECS  fail if it is still held SECS seconds from now
                              (fractions are allowed; 0 is -n)
  -E, --conflict-exit-code N  exit status if -n or -w fails; default 1
  -c, --command SCRIPT        run SCRIPT by $SHELL or /bin/sh
      --name NAME             use the lock NAME of a directory of locks
      --dir DIR               that directory, made if it is missing; default:
                              $FSYNC_DIR, $XDG_RUNTIME_DIR/fsync, or for root
                              /run/lock/fsync
  -h, --help, -V, --version   print this, or the version, and exit

Exit status: that of COMMAND, 128+N if signal N ended it, 1 (or -E) without a
word if the lock is held, 64 wrong usage, 65 cannot lock FILE, 66 cannot open
it, 69 cannot run COMMAND, 71 out of resources, 73 cannot create FILE.
`

// A job is what the command line asks for.
type job struct {
	shared         bool
	nonblock       bool
	timeout        time.Duration // 0 = wait for ever, or not at all with nonblock
	conflictStatus int
	path           string
	name, dir      string
	command        []string
	answer         string // what to print instead, with getopt.ErrStop
}

func parse(args []string) (*job, error) {
	j := &job{conflictStatus: exitConflict}
	var script *string
	operands, err := getopt.Parse(args, j.options(&script))
	if err != nil {
		return j, err
	}
	switch {
	case j.name == "" && j.dir != "":
		return j, errors.New("--dir needs --name")
	case j.name == "" && len(operands) == 0:
		return j, errors.New("no file to lock")
	case j.name == "":
		j.path, operands = operands[0], operands[1:]
	}
	if j.nonblock {
		j.timeout = 0
	}
	return j, j.takeCommand(operands, script)
}

// takeCommand reads what stands behind the file: a command, or -c and a
// script, which may also have stood among the options.
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
		return errors.New("the command to run has no name")
	default:
		j.command = operands
	}
	return nil
}

func (j *job) options(script **string) []getopt.Option {
	is := func(p *bool, value bool) func(string) error {
		return func(string) error { *p = value; return nil }
	}
	answer := func(text string) func(string) error {
		return func(string) error { j.answer = text; return getopt.ErrStop }
	}
	return []getopt.Option{
		{Short: "s", Long: []string{"shared"}, Set: is(&j.shared, true)},
		{Short: "xe", Long: []string{"exclusive"}, Set: is(&j.shared, false)},
		{Short: "n", Long: []string{"nonblock", "nb", "nonblocking"}, Set: is(&j.nonblock, true)},
		{Short: "w", Long: []string{"wait", "timeout"}, Arg: "SECONDS", Set: j.setTimeout},
		{Short: "E", Long: []string{"conflict-exit-code"}, Arg: "NUMBER", Set: j.setConflictStatus},
		{Short: "c", Long: []string{"command"}, Arg: "SCRIPT", Set: func(s string) error { *script = &s; return nil }},
		{Long: []string{"name"}, Arg: "NAME", Set: text(&j.name)},
		{Long: []string{"dir"}, Arg: "DIR", Set: text(&j.dir)},
		{Short: "h", Long: []string{"help"}, Set: answer(usage)},
		{Short: "V", Long: []string{"version"}, Set: answer("fsync-lock " + version + "\n")},
	}
}

func text(p *string) func(string) error {
	return func(value string) error {
		if value == "" {
			return errors.New("it is empty")
		}
		*p = value
		return nil
	}
}

func (j *job) setTimeout(arg string) error {
	seconds, err := strconv.ParseFloat(arg, 64)
	if err != nil || math.IsNaN(seconds) || math.IsInf(seconds, 0) || seconds < 0 {
		return fmt.Errorf("%q is not a number of seconds", arg)
	}
	switch d := seconds * float64(time.Second); {
	case d >= math.MaxInt64:
		j.timeout = math.MaxInt64 // 292 years
	case seconds == 0:
		j.nonblock = true
	default:
		j.timeout = max(1, time.Duration(d))
	}
	return nil
}

func (j *job) setConflictStatus(arg string) error {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 0 || n > 255 {
		return fmt.Errorf("%q is not an exit status, 0 to 255", arg)
	}
	j.conflictStatus = n
	return nil
}
