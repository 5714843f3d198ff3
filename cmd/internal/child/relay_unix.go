//go:build unix

package child

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"golang.org/x/sys/unix"
)

const (
	sigInt  = unix.SIGINT
	sigCont = unix.SIGCONT
)

// catch catches the signals that are passed on, first those that would kill this
// process.
//
// If HUP or INT is ignored, as HUP is with nohup(1), it stays ignored, here and in the
// command. The Go runtime does not tell whether other signals are ignored. But a shell
// without job control makes a background command ignore both INT and QUIT. So QUIT is
// ignored if INT is.
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

// fromTerminal reports whether the terminal may have sent the signal, to every
// process of the foreground group. A signal to this process alone looks the same
// here, if it is in the foreground; OnMainThread can tell.
func fromTerminal(sig syscall.Signal) bool {
	return (sig == unix.SIGINT || sig == unix.SIGQUIT) && term.InForeground()
}

// endBy ends this process by a signal, as if the signal were not caught. Where that is
// not possible it returns the exit status: the Go runtime prints all goroutines on QUIT
// and does not die of some other signals, and the kernel does not let a signal end the
// first process of a container (PID 1).
func endBy(sig syscall.Signal) int {
	switch sig {
	case unix.SIGTERM, unix.SIGINT, unix.SIGHUP:
		if os.Getpid() != 1 {
			signal.Reset(sig)
			raise(sig)
		}
	}
	return cli.ExitSignal + int(sig)
}

// SignalName returns the name that kill(1) has for a signal; empty for 0.
func SignalName(sig syscall.Signal) string {
	name := strings.TrimPrefix(unix.SignalName(sig), "SIG")
	if name == "" && sig > 0 {
		name = strconv.Itoa(int(sig)) // a real-time signal
	}
	return name
}
