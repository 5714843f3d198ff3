//go:build unix && !linux && !freebsd

package child

import "syscall"

// Attributes of a command: in a group of its own. These systems know no way to
// have it die with us.
func Attributes(apart, _ bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: apart} }
