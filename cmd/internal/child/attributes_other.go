//go:build unix && !linux && !freebsd

package child

import "syscall"

// attributes returns the attributes of a command. On these systems it cannot be made to
// die with this process.
func attributes(ownGroup, _ bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: ownGroup}
}
