//go:build linux || freebsd

package child

import "syscall"

// attributes returns the attributes of a command. If it has to die with this process,
// it dies by KILL, the only signal that a process cannot ignore.
func attributes(ownGroup, dieWithParent bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: ownGroup}
	if dieWithParent {
		attr.Pdeathsig = syscall.SIGKILL
	}
	return attr
}
