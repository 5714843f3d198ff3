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

// patience bounds every wait for something that must come.
const maxWait = 60 * time.Second

// A proc is a child process that is talked to in lines.
type proc struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	pipe   *os.File
	out    *bufio.Reader
	errors bytes.Buffer
	ended  sync.Once
}

// start starts a command; the bench kills it when the measurement is over.
func (b *bench) start(cmd *exec.Cmd) (*proc, error) {
	p := &proc{cmd: cmd}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	p.pipe, p.out = r, bufio.NewReader(r)
	cmd.Stdout, cmd.Stderr = w, &p.errors
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

func (p *proc) pid() int { return p.cmd.Process.Pid }

// kill ends the process, if it has not ended, and sees it buried.
func (p *proc) kill() {
	p.ended.Do(func() {
		p.cmd.Process.Kill()
		p.in.Close()
		p.cmd.Wait()
		p.pipe.Close()
	})
}

// line returns the next line that the process says.
func (p *proc) line() (string, error) {
	return p.lineBy(time.Now().Add(maxWait))
}

// lineBy is line with a deadline, after which it is os.ErrDeadlineExceeded.
func (p *proc) lineBy(deadline time.Time) (string, error) {
	if err := p.pipe.SetReadDeadline(deadline); err != nil {
		return "", err
	}
	line, err := p.out.ReadString('\n')
	if errors.Is(err, io.EOF) {
		p.kill()
		return "", fmt.Errorf("%s ended: %s", filepath.Base(p.cmd.Path), p.exitReason())
	}
	return strings.TrimSpace(line), err
}

func (p *proc) exitReason() string {
	text := strings.TrimSpace(p.errors.String())
	return cmp.Or(text[strings.LastIndexByte(text, '\n')+1:], p.cmd.ProcessState.String())
}

// expect reads a line that must be this.
func (p *proc) expect(want string) error {
	line, err := p.line()
	if err == nil && line != want {
		err = fmt.Errorf("got %q instead of %q", line, want)
	}
	return err
}

// numbers reads a line of n numbers.
func (p *proc) numbers(n int) ([]int64, error) {
	line, err := p.line()
	if err != nil {
		return nil, err
	}
	return parseNumbers(line, n)
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

func (p *proc) send(args ...any) error {
	_, err := fmt.Fprintln(p.in, args...)
	return err
}

// settle waits until the processes have nothing more to do: all their threads
// sleep, and used no CPU time between two looks. A process that polls is never
// done; settle gives up on it after a while and says nothing.
func awaitIdle(procs []*proc, still, maxWait time.Duration) error {
	deadline := time.Now().Add(maxWait)
	before := make([]time.Duration, len(procs))
	for {
		quiet := true
		for i, p := range procs {
			cpu, err := cpuTime(p.pid())
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(p.cmd.Path), err)
			}
			if cpu != before[i] || !sleeps(p.pid()) {
				quiet = false
			}
			before[i] = cpu
		}
		if quiet || time.Now().After(deadline) {
			return nil
		}
		time.Sleep(still)
	}
}

// sleeps reports whether every thread of a process waits for something.
func sleeps(pid int) bool { return inState(pid, "S") }

// inState reports whether every thread of a process is in a state of proc(5).
func inState(pid int, want string) bool {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return false
	}
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // the thread has ended
		}
		// 4242 (name, which may contain anything) S ...
		_, state, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
		if !strings.HasPrefix(state, want) {
			return false
		}
	}
	return true
}

// threadsOf is the number of a process's operating-system threads.
func threadsOf(pid int) (int, error) {
	n, err := numberIn(fmt.Sprintf("/proc/%d/status", pid), "Threads:")
	return int(n), err
}

// numberIn is the number behind a name at the beginning of a line.
func numberIn(path, name string) (n int64, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut("\n"+string(text), "\n"+name)
	if _, err := fmt.Sscan(after, &n); err != nil {
		return 0, fmt.Errorf("%s: no %s: %w", path, name, err)
	}
	return n, nil
}
