//go:build !linux || mips || mipsle || mips64 || mips64le

package child

// OnMainThread runs the program, which does not return.
func (r *Relay) OnMainThread(program func()) { program() }

func (r *Relay) leaveMainThread() {}
