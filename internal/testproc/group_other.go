//go:build !unix

package testproc

import "os/exec"

// inGroup returns a function that kills the command.
func inGroup(cmd *exec.Cmd) (kill func()) {
	return func() { cmd.Process.Kill() }
}
