// Package cmdtest has helpers for the tests of the commands.
package cmdtest

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/rogpeppe/go-internal/testscript"
)

// A Word is a command of the scripts. It cannot be negated with "!".
type Word = func(ts *testscript.TestScript, args []string)

// Scripts runs the scripts of a command, the files testdata/*.txtar. They begin
// without the environment variables that the commands use, and have these words
// besides those of testscript:
//
//	status N COMMAND...          the exit status of the command is N
//	within MIN MAX N COMMAND...  the same, and the command takes at least MIN and,
//	                             even on a busy machine, at most MAX
//	await FILE...                waits until the files exist
//	await WORD ARG...            waits until the function Await[WORD] returns true
//
// and the condition root.
type Scripts struct {
	Env        map[string]string
	Words      map[string]Word
	Await      map[string]func(ts *testscript.TestScript, args []string) bool
	Conditions map[string]bool
}

// Run runs the scripts.
func (s Scripts) Run(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts are written for a POSIX shell")
	}
	// A signal that this process catches has its default effect in its children, even
	// if the tests were started with that signal ignored.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGHUP, syscall.SIGQUIT)
	words := map[string]Word{"status": status, "within": within, "await": s.await}
	maps.Copy(words, s.Words)
	cmds := map[string]func(*testscript.TestScript, bool, []string){}
	for name, word := range words {
		cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			if neg {
				ts.Fatalf("! %s means nothing", name)
			}
			word(ts, args)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup:               s.setup,
		Cmds:                cmds,
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			met, known := s.Conditions[cond]
			if !known {
				return false, errors.New("unknown condition " + cond)
			}
			return met, nil
		},
	})
}

func (s Scripts) setup(env *testscript.Env) error {
	for _, name := range []string{"FSYNC_DIR", "XDG_RUNTIME_DIR", "FSYNC_JOURNAL"} {
		env.Setenv(name, "")
	}
	// The race detector would delay the exit of every process by a second.
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	for name, value := range s.Env {
		env.Setenv(name, value)
	}
	for _, name := range []string{"MUTANT", "MUTANT_NOTES"} { // of torture/mutate
		if value := os.Getenv(name); value != "" {
			env.Setenv(name, value)
		}
	}
	return nil
}

func status(ts *testscript.TestScript, args []string) {
	got := ExitStatus(ts, ts.Exec(args[1], args[2:]...))
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

// ExitStatus returns the exit status of a command from the error of running it. It
// fails the script if the command did not run.
func ExitStatus(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

func within(ts *testscript.TestScript, args []string) {
	least, err := time.ParseDuration(args[0])
	ts.Check(err)
	most, err := time.ParseDuration(args[1])
	ts.Check(err)
	start := time.Now()
	status(ts, args[2:])
	if took := time.Since(start); took < least || took > most {
		ts.Fatalf("took %v, want %v to %v", took, least, most)
	}
}

func (s Scripts) await(ts *testscript.TestScript, args []string) {
	met := func() bool {
		for _, file := range args {
			if _, err := os.Lstat(ts.MkAbs(file)); err != nil {
				return false
			}
		}
		return true
	}
	if what := s.Await[args[0]]; what != nil {
		met = func() bool { return what(ts, args[1:]) }
	}
	for end := time.Now().Add(testproc.Patience); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("awaited in vain: %s", strings.Join(args, " "))
		}
	}
}
