//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A shell does one command for each line that do sends, and answers by a line.
type shell struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startShell(t *testing.T, cmd *exec.Cmd) *shell {
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &shell{t, cmd, in, bufio.NewReader(out)}
}

func (s *shell) do(command string) (answer string) {
	s.t.Helper()
	fmt.Fprintln(s.in, command)
	line, err := s.out.ReadString('\n')
	must(s.t, err)
	return strings.TrimSpace(line)
}

// A process whose limit is lowered cannot open a file, until that is undone.
func TestDescriptorsUsedUp(t *testing.T) {
	t.Parallel()
	s := startShell(t, exec.Command("sh"))
	open := `if (true 5</dev/null); then echo opened; else echo refused; fi`
	if got := s.do(open); got != "opened" { // the shell has loaded its libraries
		t.Errorf("at first: %q", got)
	}
	undo, err := lowerLimit(s.cmd.Process.Pid, unix.RLIMIT_NOFILE, 3)
	must(t, err)
	if got := s.do(open); got != "refused" {
		t.Errorf("with the limit: %q", got)
	}
	must(t, undo())
	if got := s.do(open); got != "opened" {
		t.Errorf("without the limit: %q", got)
	}
}

// A process in the limited cgroup, or with a low RLIMIT_NPROC, cannot start another one.
func TestThreadsUsedUp(t *testing.T) {
	t.Parallel()
	limit := &threadLimit{}
	if err := limit.impossible(); err != nil {
		t.Skip(err)
	}
	undo, err := limit.setup(nil)
	must(t, err)
	defer undo()
	s := startShell(t, exec.Command("sh"))
	if got := s.do(`echo "$(echo started)"`); got != "started" { // $( ) starts a process
		t.Fatalf("without a limit: %q", got)
	}
	if limit.group == "" {
		_, err = lowerLimit(s.cmd.Process.Pid, unix.RLIMIT_NPROC, 1)
		must(t, err)
	} else {
		must(t, limit.write("cgroup.procs", s.cmd.Process.Pid))
		must(t, limit.write("pids.max", 1))
	}
	fmt.Fprintln(s.in, `echo "$(echo started)"`)
	if text, _ := io.ReadAll(s.out); strings.Contains(string(text), "started") {
		t.Errorf("with a limit: %q", text)
	}
	s.cmd.Wait()
	undo()
	if _, err := os.Stat(limit.group); limit.group != "" && err == nil {
		t.Error("the cgroup is still there")
	}
}
