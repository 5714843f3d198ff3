//go:build unix

package testproc

import (
	"os/exec"
	"syscall"
)

// inGroup gives the command its own process group, unless it gets a session. It returns a
// function that kills the group: a process that the command has started could otherwise
// hold a lock, or wait for one, after the test.
func inGroup(cmd *exec.Cmd) (kill func()) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if !cmd.SysProcAttr.Setsid {
		cmd.SysProcAttr.Setpgid = true
	}
	return func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
