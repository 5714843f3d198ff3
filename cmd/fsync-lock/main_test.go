package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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
	testscript.Main(m, programs)
}

// programs are in the PATH of the tests.
var programs = map[string]func(){"fsync-lock": main, "flock": main, "count-signals": countSignals}

// countSignals is a program that says which signals it gets, every one of them,
// until there is a file called end. A shell would say it once for two that come
// at about the same time.
func countSignals() {
	c := make(chan os.Signal, 16)
	signal.Notify(c, os.Interrupt, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGTERM)
	fmt.Println("ready")
	for {
		select {
		case sig := <-c:
			fmt.Printf("got %v.\n", sig)
		case <-time.After(time.Millisecond):
			if _, err := os.Lstat("end"); err == nil {
				return
			}
		}
	}
}

// realFlock is the path of flock(1), if it is installed. The scripts have ours
// under that name in their PATH, and the other as $FLOCK.
var realFlock string

// Words of the scripts: await waiters N FILE waits until N processes wait in the
// kernel for the file's lock. For the others see their functions.
func TestScripts(t *testing.T) {
	cmdtest.Scripts{
		Env:   map[string]string{"SHELL": "/bin/sh", "FLOCK": realFlock},
		Words: map[string]cmdtest.Word{"asuser": asUser, "same": same, "journalled": cmdtest.Journalled},
		Await: map[string]func(*testscript.TestScript, []string) bool{
			"waiters": func(ts *testscript.TestScript, args []string) bool {
				return strconv.Itoa(waiters(ts.MkAbs(args[1]))) == args[0]
			},
		},
		Conditions: map[string]bool{"flock": realFlock != ""},
	}.Run(t)
}

// same SCRIPT: a shell script that calls flock prints the same and has the same
// exit status whether that is flock(1) or fsync-lock under its name. Whether
// they print something to stderr is compared, and not what.
func same(ts *testscript.TestScript, neg bool, args []string) {
	ours, err := exec.LookPath("flock")
	ts.Check(err)
	type result struct {
		stdout, stderr string
		complained     bool
		status         int
	}
	run := func(flock string) (r result) {
		dir, err := os.MkdirTemp(ts.MkAbs("."), "same")
		ts.Check(err)
		ts.Check(os.Mkdir(filepath.Join(dir, "bin"), 0o777))
		ts.Check(os.Symlink(flock, filepath.Join(dir, "bin", "flock")))
		ctx, cancel := context.WithTimeout(context.Background(), testproc.Patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, "sh", ts.MkAbs(args[0]))
		cmd.Dir, cmd.WaitDelay = dir, time.Second
		cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0", "SHELL=/bin/sh")
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err = cmd.Run()
		if ctx.Err() != nil {
			ts.Fatalf("%s does not end; it said %q", flock, stdout.String())
		}
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			ts.Check(err)
		}
		return result{stdout.String(), stderr.String(), stderr.Len() > 0, cmd.ProcessState.ExitCode()}
	}
	want, got := run(realFlock), run(ours)
	if got.stdout != want.stdout || got.complained != want.complained || got.status != want.status {
		ts.Fatalf("flock(1): %+v\nfsync-lock: %+v", want, got)
	}
	ts.Logf("both: %+v", got)
}

// asuser UID N COMMAND...: status as another user, with every directory above
// the current one open to it.
func asUser(ts *testscript.TestScript, neg bool, args []string) {
	uid, err := strconv.ParseUint(args[0], 10, 32)
	ts.Check(err)
	program, err := exec.LookPath(args[2])
	ts.Check(err)
	for _, path := range []string{ts.MkAbs("a"), program} {
		for dir := filepath.Dir(path); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			ts.Check(err)
			ts.Check(os.Chmod(dir, info.Mode().Perm()|0o055))
		}
	}
	cmd := exec.Command(program, args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.SysProcAttr = credential(uint32(uid))
	out, err := cmd.CombinedOutput()
	ts.Logf("%s", out)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[1] {
		ts.Fatalf("exit status %d, want %s", got, args[1])
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	cmdtest.FitsAScreen(t, fmt.Sprintf(usage, "fsync-lock"))
}
