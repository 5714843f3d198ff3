//go:build !linux || mips || mipsle || mips64 || mips64le

package child

import "syscall"

// setDefault leaves it to the Go runtime what an uncaught signal does.
func setDefault(syscall.Signal) {}
