//go:build linux || freebsd

package child

import "syscall"

// Attributes of a command: in a group of its own, or leashed. KILL is the only
// signal that nobody can refuse to die of.
func Attributes(apart, leashed bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: apart}
	if leashed {
		attr.Pdeathsig = syscall.SIGKILL
	}
	return attr
}
