//go:build !linux || mips || mipsle || mips64 || mips64le || s390x

package child

import "syscall"

// A probe does not exist on this system: every signal is passed on, and the
// command may get it twice.
type probe struct{}

func isProbe(int) bool                                      { return false }
func startProbe(*process) *probe                            { return nil }
func (*probe) stop()                                        {}
func (*probe) ignoreNext(syscall.Signal)                    {}
func (*probe) reachedCommand(syscall.Signal, *process) bool { return false }
