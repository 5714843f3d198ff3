package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/cmdtest"
	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	realFlock, _ = exec.LookPath("flock") // before ours is in the PATH
	testproc.AtOnce(8)
	cmdtest.WaitForJournal()
	testproc.TellHangs()
	testscript.Main(m, programs)
}

// programs are in the PATH of the tests.
var programs = map[string]func(){"fsync-lock": main, "flock": main, "count-signals": countSignals}

// countSignals is a program that prints each signal that it gets, until it reads a line
// or the end of its input. A shell script would not do: it handles two equal signals at
// about the same time as one.
func countSignals() {
	c := make(chan os.Signal, 16)
	signal.Notify(c, os.Interrupt, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGTERM)
	end := make(chan struct{})
	go func() {
		testproc.Hear() // also returns when the test has ended
		close(end)
	}()
	fmt.Println("ready")
	for {
		select {
		case sig := <-c:
			fmt.Printf("got %v.\n", sig)
		case <-end:
			return
		}
	}
}

// realFlock is the path of flock(1), if it is installed. In the scripts, $FLOCK is that
// path, and flock is fsync-lock.
var realFlock string

// Words of the scripts: await waiters N FILE waits until N processes wait in the
// kernel for the file's lock. The other words are described at their functions.
func TestScripts(t *testing.T) {
	cmdtest.Scripts{
		Env:   map[string]string{"SHELL": "/bin/sh", "FLOCK": realFlock},
		Words: map[string]cmdtest.Word{"asuser": asUser, "limited": limited, "same": same, "reachable": reachable, "journalled": cmdtest.Journalled},
		Await: map[string]func(*testscript.TestScript, []string) bool{
			"waiters": func(ts *testscript.TestScript, args []string) bool {
				return strconv.Itoa(waiters(ts.MkAbs(args[1]))) == args[0]
			},
		},
		Conditions: map[string]bool{"flock": realFlock != ""},
	}.Run(t)
}

// same SCRIPT: a shell script that calls flock prints the same on stdout and has the
// same exit status with flock(1) and with fsync-lock. Both print to stderr, or neither;
// the messages may differ.
func same(ts *testscript.TestScript, args []string) {
	ours, err := exec.LookPath("flock")
	ts.Check(err)
	type result struct {
		stdout, stderr string
		complained     bool
		status         int
	}
	start := func(flock string) (wait func() result) {
		dir, err := os.MkdirTemp(ts.MkAbs("."), "same")
		ts.Check(err)
		ts.Check(os.Mkdir(filepath.Join(dir, "bin"), 0o777))
		ts.Check(os.Symlink(flock, filepath.Join(dir, "bin", "flock")))
		ts.Check(os.WriteFile(filepath.Join(dir, args[0]), []byte(ts.ReadFile(args[0])), 0o666)) // some scripts lock themselves
		ctx, cancel := context.WithTimeout(context.Background(), testproc.Patience)
		cmd := exec.CommandContext(ctx, "sh", "./"+args[0])
		cmd.Dir, cmd.WaitDelay = dir, time.Second
		cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0", "SHELL=/bin/sh")
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		ts.Check(cmd.Start())
		return func() result {
			defer cancel()
			err := cmd.Wait()
			if ctx.Err() != nil {
				ts.Fatalf("%s does not end; it said %q", flock, stdout.String())
			}
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				ts.Check(err)
			}
			return result{stdout.String(), stderr.String(), stderr.Len() > 0, cmd.ProcessState.ExitCode()}
		}
	}
	waitForReal, waitForOurs := start(realFlock), start(ours)
	want, got := waitForReal(), waitForOurs()
	if got.stdout != want.stdout || got.complained != want.complained || got.status != want.status {
		ts.Fatalf("flock(1): %+v\nfsync-lock: %+v", want, got)
	}
	ts.Logf("both: %+v", got)
}

// asuser UID N COMMAND...: the same as status, as another user.
func asUser(ts *testscript.TestScript, args []string) {
	if got := statusAs(ts, args[0], args[2:]); strconv.Itoa(got) != args[1] {
		ts.Fatalf("exit status %d, want %s", got, args[1])
	}
}

// statusAs runs a command as another user, who can reach the working directory, and
// returns its exit status.
func statusAs(ts *testscript.TestScript, user string, command []string) int {
	uid, err := strconv.ParseUint(user, 10, 32)
	ts.Check(err)
	reachable(ts, nil)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.SysProcAttr = credential(uint32(uid))
	out, err := cmd.CombinedOutput()
	ts.Logf("%s", out)
	return cmdtest.ExitStatus(ts, err)
}

// reachable: every user can enter the working directory and execute the programs of the
// tests.
func reachable(ts *testscript.TestScript, _ []string) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), ts.MkAbs(".")) {
		for ; strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
			if info, err := os.Stat(dir); err == nil {
				ts.Check(os.Chmod(dir, info.Mode().Perm()|0o055))
			}
		}
	}
}

// limited FILE N [as UID] COMMAND...: the exit status of a command is N when its
// --max-runtime is over. The word LIMIT in the command, and $LIMIT, stand for that time
// in seconds; $TWICE is twice that time, as messages print it.
//
// The command creates FILE when it is ready for the signal. On a busy machine the limit
// can be over before that, or a --kill-after of LIMIT before the command has ended. Then
// the command runs again with twice the time.
func limited(ts *testscript.TestScript, args []string) {
	file, want, command := ts.MkAbs(args[0]), args[1], args[2:]
	for limit := 250 * time.Millisecond; ; limit *= 2 {
		ts.Check(os.RemoveAll(file))
		seconds := strconv.FormatFloat(limit.Seconds(), 'f', -1, 64)
		ts.Setenv("LIMIT", seconds)
		ts.Setenv("TWICE", (2 * limit).String())
		words := slices.Clone(command)
		for i, word := range words {
			if word == "LIMIT" {
				words[i] = seconds
			}
		}
		got := statusOf(ts, words)
		_, err := os.Lstat(file)
		ready := err == nil
		switch {
		case ready && got == want:
			return
		case ready && (got != "137" || want != "124"), limit > time.Minute:
			ts.Fatalf("limit %v: exit status %s, want %s, %s was made: %v", limit, got, want, args[0], ready)
		}
		endRest(ts)
	}
}

// statusOf runs a command and returns its exit status. With "as UID" before the command,
// it runs as that user.
func statusOf(ts *testscript.TestScript, command []string) string {
	if command[0] == "as" {
		return strconv.Itoa(statusAs(ts, command[1], command[2:]))
	}
	return strconv.Itoa(cmdtest.ExitStatus(ts, ts.Exec(command[0], command[1:]...)))
}

// endRest ends the background processes of a command, which hold the lock until there is
// a file called stop.
func endRest(ts *testscript.TestScript) {
	stop := ts.MkAbs("stop")
	ts.Check(os.WriteFile(stop, nil, 0o666))
	ts.Check(ts.Exec("fsync-lock", "a.lock", "rm", stop))
}

func TestHelp(t *testing.T) {
	t.Parallel()
	cmdtest.FitsAScreen(t, fmt.Sprintf(usage, "fsync-lock"))
}
