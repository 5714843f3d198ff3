//go:build unix && !linux && !freebsd

package main

import "syscall"

// attributes of a command: in a group of its own. These systems know no way to
// have it die with us.
func attributes(apart, _ bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: apart} }
