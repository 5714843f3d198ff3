//go:build unix && !linux && !freebsd

package child

import "syscall"

// attributes returns the attributes of a command that has its own process group
// (apart). On these systems a command cannot be made to die with this process.
func attributes(apart, _ bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: apart} }
