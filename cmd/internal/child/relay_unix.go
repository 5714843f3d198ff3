//go:build unix

package child

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"golang.org/x/sys/unix"
)

const (
	sigInt  = unix.SIGINT
	sigCont = unix.SIGCONT
)

// catch catches what is handed on, first what would kill this process.
//
// HUP and INT stay ignored if they are, as HUP is below nohup(1), here and in
// the command. Of the other signals the Go runtime does not tell. But a shell
// without job control that runs something in the background has it ignore both
// INT and QUIT.
func (r *Relay) catch() {
	r.signals = make(chan os.Signal, 16)
	if signal.Ignored(unix.SIGINT) {
		signal.Ignore(unix.SIGQUIT)
	}
	for _, sig := range []os.Signal{
		unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGCONT,
	} {
		if !signal.Ignored(sig) {
			signal.Notify(r.signals, sig)
			r.mine = append(r.mine, sig)
		}
	}
	close(r.caught)
	for sig := range r.signals {
		r.deliver(sig.(syscall.Signal), fromTerminal(sig.(syscall.Signal)))
	}
	close(r.delivered)
}

// fromTerminal reports whether the terminal may have sent the signal: it sends
// it to every process of the foreground group. A signal that was sent to this
// process alone, while it is in the foreground, looks the same here; see
// OnMainThread.
func fromTerminal(sig syscall.Signal) bool {
	return (sig == unix.SIGINT || sig == unix.SIGQUIT) && term.InForeground()
}

// endBy ends this process by a signal, as if that were not caught. It returns
// the exit status for where that cannot be done: what Go does for QUIT is no
// good to anybody, and others it does not die of. The kernel lets no signal end
// the first process of a container that way.
func endBy(sig syscall.Signal) int {
	switch sig {
	case unix.SIGTERM, unix.SIGINT, unix.SIGHUP:
		if os.Getpid() != 1 {
			signal.Reset(sig)
			raise(sig)
		}
	}
	return ExitSignal + int(sig)
}
