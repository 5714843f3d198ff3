//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"golang.org/x/sys/unix"
)

const sigCont = unix.SIGCONT

// caught are the signals that end a wait or are handed on. HUP and INT stay
// ignored if they are, as HUP is below nohup(1). Of the other signals the Go
// runtime does not tell. But a shell without job control that runs something in
// the background has it ignore both INT and QUIT.
func caught() []syscall.Signal {
	signals := []syscall.Signal{unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGCONT}
	if !signal.Ignored(unix.SIGHUP) {
		signals = append(signals, unix.SIGHUP)
	}
	if signal.Ignored(unix.SIGINT) {
		signal.Ignore(unix.SIGQUIT)
		return signals
	}
	return append(signals, unix.SIGINT, unix.SIGQUIT)
}

// fromTerminal reports whether the terminal may have sent the signal: it sends
// it to every process of the foreground group.
func fromTerminal(sig syscall.Signal) bool {
	return (sig == unix.SIGINT || sig == unix.SIGQUIT) && term.InForeground()
}

// endBy ends this process by a signal, as if that were not caught. It returns
// the exit status for where that cannot be done: what Go does for QUIT is no
// good to anybody, and others it does not die of.
func endBy(sig syscall.Signal) int {
	switch sig {
	case unix.SIGTERM, unix.SIGINT, unix.SIGHUP:
		signal.Reset(sig)
		syscall.Kill(os.Getpid(), sig)
		time.Sleep(time.Second) // it comes at once
	}
	return exitSignal + int(sig)
}
