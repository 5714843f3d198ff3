//go:build !linux || mips || mipsle || mips64 || mips64le

package child

import "syscall"

// setDefault does nothing: the Go runtime decides what an uncaught signal does.
func setDefault(syscall.Signal) {}
