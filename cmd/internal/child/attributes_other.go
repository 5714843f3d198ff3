//go:build unix && !linux && !freebsd

package child

import "syscall"

// attributes returns how to start a command. On these systems a command cannot be made
// to die with this process.
func attributes(ownGroup, _ bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: ownGroup}
}
