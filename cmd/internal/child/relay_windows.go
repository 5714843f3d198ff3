package child

import (
	"os"
	"os/signal"
	"syscall"
)

const (
	sigInt  = syscall.SIGINT
	sigCont = syscall.Signal(-1) // there is none
)

// catch catches Ctrl-C, the only signal that there is.
func (r *Relay) catch() {
	r.signals = make(chan os.Signal, 16)
	signal.Notify(r.signals, os.Interrupt)
	close(r.caught)
	for range r.signals {
		r.deliver(sigInt, fromTerminal(sigInt))
	}
	close(r.delivered)
}

// fromTerminal is always true: the console sends its signals to every process
// on it, and nobody else sends any.
func fromTerminal(syscall.Signal) bool { return true }

func endBy(sig syscall.Signal) int { return ExitSignal + int(sig) }
