package testproc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Proc is a process that a test has started.
type Proc struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string
	stderr lockedBuffer
	exited chan struct{}
	err    error // the error of Wait; read it after exited is closed
}

// Start runs the test binary in a role.
func Start(t testing.TB, role string, args ...string) *Proc {
	t.Helper()
	return StartCmd(t, RoleCmd(role, args...))
}

// StartCmd runs a command. At the end of the test the process is killed, and on Unix all
// processes of its group.
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
	// Not StdoutPipe, because Wait would close it before all lines are read. And a grandchild
	// that has the pipe open must not delay the end of Wait.
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
			p.err = nil // the process has ended, and a grandchild still has stderr open
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

// PID returns the PID of the process.
func (p *Proc) PID() int { return p.cmd.Process.Pid }

// Stderr returns what the process has written to stderr until now.
func (p *Proc) Stderr() string { return p.stderr.String() }

// Line returns the next line that the process writes to stdout.
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

// Lines returns a channel of the lines on stdout that were not yet read. The channel is
// closed at the end of stdout.
func (p *Proc) Lines() <-chan string { return p.lines }

// Expect fails the test if the next line of stdout is not want.
func (p *Proc) Expect(want string) {
	p.t.Helper()
	if got := p.Line(); got != want {
		p.t.Fatalf("%s: said %q, want %q; stderr: %s", p.name, got, want, p.Stderr())
	}
}

// Silent fails the test if the process has written a line to stdout that was not read.
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

// Send writes a line to the stdin of the process.
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

// Kill kills the process, as kill -9 does, and waits until it has ended.
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

// Wait waits until the process has ended, and fails the test if its exit status is not 0.
func (p *Proc) Wait() {
	p.t.Helper()
	if p.wait(); p.err != nil {
		p.t.Fatalf("%s: %v; stderr: %s", p.name, p.err, p.Stderr())
	}
}

// Exit waits until the process has ended, and returns its exit status: -1 if a signal
// ended it.
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

// A lockedBuffer is a buffer for many goroutines.
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
