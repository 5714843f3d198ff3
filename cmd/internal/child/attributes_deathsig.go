//go:build linux || freebsd

package child

import "syscall"

// attributes returns how to start a command. With dieWithParent the kernel sends the
// command KILL, which no process can ignore, when this process dies.
func attributes(ownGroup, dieWithParent bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: ownGroup}
	if dieWithParent {
		attr.Pdeathsig = syscall.SIGKILL
	}
	return attr
}
