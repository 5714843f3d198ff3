//go:build !linux || mips || mipsle || mips64 || mips64le || s390x

package child

import "syscall"

// A sentry does not exist on this system: every signal is passed on, and the
// command may get it twice.
type sentry struct{}

func isSentry(int) bool                           { return false }
func post(*process) *sentry                       { return nil }
func (*sentry) dismiss()                          {}
func (*sentry) expect(syscall.Signal)             {}
func (*sentry) got(syscall.Signal, *process) bool { return false }
