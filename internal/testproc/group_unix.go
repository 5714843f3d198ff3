//go:build unix

package testproc

import (
	"os/exec"
	"syscall"
)

// inGroup gives the command a process group of its own, unless it gets a
// session, and returns what kills that group: what the command has started may
// outlive it, and would keep a lock or wait for one for ever.
func inGroup(cmd *exec.Cmd) (kill func()) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if !cmd.SysProcAttr.Setsid {
		cmd.SysProcAttr.Setpgid = true
	}
	return func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
