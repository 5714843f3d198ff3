package child

import "syscall"

// SignalName is what a signal is called; empty for 0, which is none.
func SignalName(sig syscall.Signal) string {
	return map[syscall.Signal]string{syscall.SIGINT: "INT", syscall.SIGTERM: "TERM", syscall.SIGKILL: "KILL"}[sig]
}
