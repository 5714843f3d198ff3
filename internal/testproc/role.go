package testproc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// roleVar is the environment variable that names the role.
const roleVar = "FSYNC_TEST_ROLE"

// A Role is what the test binary does when it is started again by [Start].
type Role func(args []string) error

// Main is the body of a TestMain. If this process was started for a role, Main plays the
// role. Otherwise it runs the tests, and then the cleanup functions.
func Main(m *testing.M, roles map[string]Role, cleanup ...func()) {
	name, ok := os.LookupEnv(roleVar)
	if !ok {
		TellHangs()
		status := m.Run()
		for _, f := range cleanup {
			f()
		}
		os.Exit(status)
	}
	os.Unsetenv(roleVar)
	play, ok := roles[name]
	endWithTest()
	if !ok {
		fmt.Fprintf(os.Stderr, "no role %q in this test binary\n", name)
		os.Exit(2)
	}
	if err := play(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "role %s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

var stdin = bufio.NewScanner(os.Stdin)

// Hear returns the next line that the test sends to this role. It fails when the test
// process has ended; then the role must end, too.
func Hear() (string, error) {
	if !stdin.Scan() {
		return "", errors.Join(io.ErrUnexpectedEOF, stdin.Err())
	}
	return stdin.Text(), nil
}

// Forever does not return. An empty select would end the process: without cgo, the Go
// runtime reports a deadlock.
func Forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// RoleCmd returns the command that runs the test binary in a role. A test can change the
// command before it calls [StartCmd].
//
// TESTEXEC in the environment names a program to run the binary with, such as
// qemu-aarch64.
func RoleCmd(role string, args ...string) *exec.Cmd {
	argv := append([]string{os.Args[0]}, args...)
	if runner := os.Getenv("TESTEXEC"); runner != "" {
		argv = append([]string{runner}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	// Otherwise the race detector delays the end of each process by a second.
	cmd.Env = append(os.Environ(), roleVar+"="+role, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// Below returns a command that runs cmd under another program, such as strace.
func Below(cmd *exec.Cmd, program ...string) *exec.Cmd {
	below := exec.Command(program[0], slices.Concat(program[1:], cmd.Args)...)
	below.Dir, below.Env = cmd.Dir, cmd.Env
	return below
}
