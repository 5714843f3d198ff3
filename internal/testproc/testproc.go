// Package testproc starts real processes for tests: the test binary again, in
// a named role, or any other program. A test talks to a process in lines and
// waits for what it says, never for time to pass.
package testproc

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience bounds every wait for a fact that must come. It is long because
// it is reached only when something is broken.
const Patience = 2 * time.Minute

const roleVar = "FSYNC_TEST_ROLE"

// A Role is what the test binary does when it is started again by [Start].
type Role func(args []string) error

// Main is the whole of a TestMain: it plays a role if this process was
// started for one, and otherwise runs the tests and then cleans up.
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

// AtOnce has n tests run in parallel, unless -parallel says otherwise. It is for
// packages whose tests wait most of the time and leave the processors to others.
// Call it before the flags are parsed.
func AtOnce(n int) {
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

// longVar makes all tests run, also those that take long.
const longVar = "FSYNC_TEST_LONG"

// Long reports whether to do a test at the size that takes long. It is how .ci/run
// tests.
func Long() bool { return os.Getenv(longVar) != "" }

// Size returns long for a test at the size that takes long, and otherwise usual. The
// race detector has the usual size: it needs no more, and is slow.
func Size(long, usual int) int {
	if Long() && !raceDetector {
		return long
	}
	return usual
}

// SkipLong skips a test that takes long, unless it is wanted.
func SkipLong(t testing.TB) {
	t.Helper()
	if !Long() {
		t.Skip("it takes long: set " + longVar + "=1 to run it, as .ci/run does")
	}
}

// pollVar makes waiters poll, in the test process and in those that it starts.
const pollVar = "FSYNC_TEST_POLL"

// Polls reports whether waiters are to poll, as they do on other systems. TestMain has
// to see to that, for the programs and roles of the test, too.
func Polls() bool { return os.Getenv(pollVar) != "" }

var stdin = bufio.NewScanner(os.Stdin)

// Hear returns the next line that the test sent to this role.
// It fails when the test has gone away, so that no role outlives its test.
func Hear() (string, error) {
	if !stdin.Scan() {
		return "", errors.Join(io.ErrUnexpectedEOF, stdin.Err())
	}
	return stdin.Text(), nil
}

// Forever does not return. An empty select would end the process instead: without
// cgo the runtime calls it a deadlock.
func Forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// Proc is a running process.
type Proc struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string
	stderr lockedBuffer
	exited chan struct{}
	err    error // why Wait ended; read after exited is closed
}

// RoleCmd returns the command that runs the test binary in a role, for tests that
// change it before they pass it to [StartCmd].
//
// TESTEXEC in the environment names a program to run the binary with, such as
// qemu-aarch64.
func RoleCmd(role string, args ...string) *exec.Cmd {
	argv := append([]string{os.Args[0]}, args...)
	if runner := os.Getenv("TESTEXEC"); runner != "" {
		argv = append([]string{runner}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	// The race detector would have every process linger for a second.
	cmd.Env = append(os.Environ(), roleVar+"="+role, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// Start runs the test binary in a role.
func Start(t testing.TB, role string, args ...string) *Proc {
	t.Helper()
	return StartCmd(t, RoleCmd(role, args...))
}

// StartCmd runs any command. When the test ends the process is killed, and on
// Unix every process of its group.
func StartCmd(t testing.TB, cmd *exec.Cmd) *Proc {
	t.Helper()
	p := &Proc{
		t: t, name: strings.Join(cmd.Args, " "), cmd: cmd,
		lines: make(chan string, 1024), exited: make(chan struct{}),
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in = in
	// Pipes of our own: exec's StdoutPipe would be closed by Wait while lines
	// are still unread, and a grandchild that keeps the pipe open must not
	// keep us from seeing that the process has ended.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, &p.stderr
	cmd.WaitDelay = time.Second
	kill := inGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	w.Close()
	go p.read(r)
	go func() {
		p.err = cmd.Wait()
		if errors.Is(p.err, exec.ErrWaitDelay) {
			p.err = nil // a grandchild still has stderr open: not our question
		}
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.in.Close()
		kill()
		<-p.exited
	})
	return p
}

func (p *Proc) read(r *os.File) {
	defer r.Close()
	defer close(p.lines)
	s := bufio.NewScanner(r)
	for s.Scan() {
		p.lines <- s.Text()
	}
}

// PID is the process's identifier.
func (p *Proc) PID() int { return p.cmd.Process.Pid }

// Stderr is what the process has said on stderr so far.
func (p *Proc) Stderr() string { return p.stderr.String() }

// Line returns the next line of the process's stdout.
func (p *Proc) Line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("%s: no more output; stderr: %s", p.name, p.Stderr())
		}
		return line
	case <-time.After(Patience):
		p.t.Fatalf("%s: silent for %v; stderr: %s", p.name, Patience, p.Stderr())
	}
	panic("unreachable")
}

// Lines is the lines of stdout that have not been read yet.
func (p *Proc) Lines() <-chan string { return p.lines }

// Expect fails the test unless the next line of stdout is want.
func (p *Proc) Expect(want string) {
	p.t.Helper()
	if got := p.Line(); got != want {
		p.t.Fatalf("%s: said %q, want %q; stderr: %s", p.name, got, want, p.Stderr())
	}
}

// Silent fails the test if the process has said a line that nobody read.
func (p *Proc) Silent() {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if ok {
			p.t.Fatalf("%s: said %q too early", p.name, line)
		}
	default:
	}
}

// Send writes a line to the process's stdin.
func (p *Proc) Send(line string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		p.t.Fatalf("%s: send %q: %v; stderr: %s", p.name, line, err, p.Stderr())
	}
}

// Signal sends a signal to the process.
func (p *Proc) Signal(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("%s: signal %v: %v", p.name, sig, err)
	}
}

// Kill ends the process at once, as kill -9 does, and waits until it is gone.
func (p *Proc) Kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatalf("%s: kill: %v", p.name, err)
	}
	p.wait()
}

func (p *Proc) wait() {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(Patience):
		p.t.Fatalf("%s: still running after %v; stderr: %s", p.name, Patience, p.Stderr())
	}
}

// Wait fails the test unless the process ends with exit status 0.
func (p *Proc) Wait() {
	p.t.Helper()
	if p.wait(); p.err != nil {
		p.t.Fatalf("%s: %v; stderr: %s", p.name, p.err, p.Stderr())
	}
}

// Exit waits for the end of the process and returns its exit status,
// -1 if a signal ended it.
func (p *Proc) Exit() int {
	p.t.Helper()
	p.wait()
	return p.cmd.ProcessState.ExitCode()
}

// Exited reports whether the process has ended.
func (p *Proc) Exited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// Until waits until ok is true. It is for facts that nothing announces,
// such as a line in /proc/locks.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("still not so after %v: %s", Patience, what)
		}
		time.Sleep(time.Millisecond)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
