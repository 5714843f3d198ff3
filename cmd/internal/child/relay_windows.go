package child

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
)

const (
	sigInt  = syscall.SIGINT
	sigCont = syscall.Signal(-1) // does not exist
)

// catch catches Ctrl-C, the only signal on Windows.
func (r *Relay) catch() {
	r.signals = make(chan os.Signal, 16)
	signal.Notify(r.signals, os.Interrupt)
	close(r.caught)
	for range r.signals {
		r.deliver(sigInt, fromTerminal(sigInt))
	}
	close(r.delivered)
}

// fromTerminal is always true: only the console sends signals, and it sends them
// to every process on it.
func fromTerminal(syscall.Signal) bool { return true }

func endBy(sig syscall.Signal) int { return cli.ExitSignal + int(sig) }

// SignalName returns the name of a signal; empty for 0.
func SignalName(sig syscall.Signal) string {
	return map[syscall.Signal]string{syscall.SIGINT: "INT", syscall.SIGTERM: "TERM", syscall.SIGKILL: "KILL"}[sig]
}
