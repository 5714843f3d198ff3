//go:build linux

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxWait bounds every wait for something that must happen.
const maxWait = 60 * time.Second

var errTimedOut = errors.New("timed out")

// A proc is a child process. It exchanges lines with the bench through its
// standard input and output.
type proc struct {
	cmd    *exec.Cmd
	in     io.WriteCloser // its standard input
	out    *os.File       // its standard output
	lines  *bufio.Reader  // reads out
	stderr bytes.Buffer
	killed sync.Once
}

// start starts a command. The bench kills it at the end of the measurement.
func (b *bench) start(cmd *exec.Cmd) (*proc, error) {
	p := &proc{cmd: cmd}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	p.out, p.lines = r, bufio.NewReader(r)
	cmd.Stdout, cmd.Stderr = w, &p.stderr
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if p.in, err = cmd.StdinPipe(); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	b.procs = append(b.procs, p)
	return p, nil
}

// startReady starts a command and waits until it prints "ready".
func (b *bench) startReady(cmd *exec.Cmd) (*proc, error) {
	p, err := b.start(cmd)
	if err != nil {
		return nil, err
	}
	return p, p.expect("ready")
}

func (p *proc) pid() int { return p.cmd.Process.Pid }

// kill kills the process if it still runs, and waits for its end.
func (p *proc) kill() {
	p.killed.Do(func() {
		p.cmd.Process.Kill()
		p.in.Close()
		p.cmd.Wait()
		p.out.Close()
	})
}

// stop stops the process (SIGSTOP) and returns when all its threads have
// stopped.
func (p *proc) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(maxWait); !allThreadsIn(p.pid(), "T"); {
		if time.Now().After(deadline) {
			return errTimedOut
		}
	}
	return nil
}

// line returns the next line that the process prints.
func (p *proc) line() (string, error) {
	return p.lineBy(time.Now().Add(maxWait))
}

// lineBy is line with a deadline. After it, the error is os.ErrDeadlineExceeded.
func (p *proc) lineBy(deadline time.Time) (string, error) {
	if err := p.out.SetReadDeadline(deadline); err != nil {
		return "", err
	}
	line, err := p.lines.ReadString('\n')
	if errors.Is(err, io.EOF) {
		p.kill()
		return "", fmt.Errorf("%s ended: %s", filepath.Base(p.cmd.Path), p.exitReason())
	}
	return strings.TrimSpace(line), err
}

// exitReason is the last line on the standard error of an ended process, or its
// exit status if there is none.
func (p *proc) exitReason() string {
	text := strings.TrimSpace(p.stderr.String())
	return cmp.Or(text[strings.LastIndexByte(text, '\n')+1:], p.cmd.ProcessState.String())
}

// expect reads the next line, which must be the wanted one.
func (p *proc) expect(want string) error {
	line, err := p.line()
	if err == nil && line != want {
		err = fmt.Errorf("got %q instead of %q", line, want)
	}
	return err
}

// number reads a line with one number.
func (p *proc) number() (int64, error) {
	line, err := p.line()
	if err != nil {
		return 0, err
	}
	return parseNumber(line)
}

// numbers reads a line with n numbers.
func (p *proc) numbers(n int) ([]int64, error) {
	line, err := p.line()
	if err != nil {
		return nil, err
	}
	return parseNumbers(line, n)
}

func parseNumber(line string) (int64, error) {
	numbers, err := parseNumbers(line, 1)
	if err != nil {
		return 0, err
	}
	return numbers[0], nil
}

func parseNumbers(line string, n int) ([]int64, error) {
	fields := strings.Fields(line)
	if len(fields) != n {
		return nil, fmt.Errorf("got %q instead of %d numbers", line, n)
	}
	numbers := make([]int64, n)
	for i, field := range fields {
		if _, err := fmt.Sscan(field, &numbers[i]); err != nil {
			return nil, fmt.Errorf("got %q instead of %d numbers", line, n)
		}
	}
	return numbers, nil
}

// send writes a line to the process.
func (p *proc) send(args ...any) error {
	_, err := fmt.Fprintln(p.in, args...)
	return err
}

// ask sends a line that the process answers with one number.
func (p *proc) ask(args ...any) (int64, error) {
	if err := p.send(args...); err != nil {
		return 0, err
	}
	return p.number()
}

// awaitIdle waits until all threads of the processes sleep and used no CPU time
// during one interval. A process that polls is never idle, so awaitIdle also
// returns after the timeout, without an error.
func awaitIdle(procs []*proc, interval, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	before := make([]time.Duration, len(procs))
	for {
		idle := true
		for i, p := range procs {
			cpu, err := cpuTime(p.pid())
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(p.cmd.Path), err)
			}
			if cpu != before[i] || !allThreadsIn(p.pid(), "S") {
				idle = false
			}
			before[i] = cpu
		}
		if idle || time.Now().After(deadline) {
			return nil
		}
		time.Sleep(interval)
	}
}
