//go:build linux || freebsd

package child

import "syscall"

// attributes returns the attributes of a command that has its own process group
// (apart) or dies with this process (leashed). It dies by KILL, the only signal
// that a process cannot ignore.
func attributes(apart, leashed bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: apart}
	if leashed {
		attr.Pdeathsig = syscall.SIGKILL
	}
	return attr
}
