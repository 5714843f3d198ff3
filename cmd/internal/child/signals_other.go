//go:build !linux || mips || mipsle || mips64 || mips64le

package child

import "syscall"

// OnMainThread runs the program, which does not return.
func (r *Relay) OnMainThread(program func()) { program() }

func (r *Relay) leaveMainThread() {}

// setDefault does nothing: the Go runtime decides what an uncaught signal does.
func setDefault(syscall.Signal) {}
