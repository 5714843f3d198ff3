//go:build unix

package testproc

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// AsUser makes a command of [RoleCmd] run as another user. It skips the test unless this
// process is root, on Linux.
func AsUser(t testing.TB, cmd *exec.Cmd, uid, gid uint32, groups ...uint32) *exec.Cmd {
	t.Helper()
	cmd.Path = "/proc/self/exe" // the other user may not open the directory of the test binary
	if _, err := os.Stat(cmd.Path); err != nil || os.Getuid() != 0 {
		t.Skip("needs root, to become another user, and Linux, where that user can run the test binary")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid, Groups: groups}}
	return cmd
}
