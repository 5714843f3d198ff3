//go:build unix

package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"golang.org/x/sys/unix"
)

// notify catches the signals that are handed through. HUP and INT stay ignored
// if they are, as HUP is below nohup(1), here and in the command. Of the other
// signals the Go runtime does not tell.
func notify() <-chan os.Signal {
	c := make(chan os.Signal, 8)
	for _, sig := range []os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT} {
		if !signal.Ignored(sig) {
			signal.Notify(c, sig)
		}
	}
	return c
}

// fromTerminal reports whether the terminal sent the signal: it sends it to
// every process of the foreground group, and so to the command too, which
// would get it twice if it were handed through. A signal that was sent to this
// process alone, while it is in the foreground, looks the same.
func fromTerminal(sig os.Signal) bool {
	if sig != unix.SIGINT && sig != unix.SIGQUIT {
		return false
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// bequeath makes the next process that is started inherit the hold. It does so
// by leaving a duplicate of the lock's descriptor open, as flock(1) does, and
// not by exec.Cmd.ExtraFiles: those become 3, 4 and so on in the command, where
// it may expect what its shell opened.
func bequeath(lock *filelock.Lock) error {
	f, err := lock.File()
	if err != nil {
		return err
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	inherited = f
	var fcntlErr error
	err = conn.Control(func(fd uintptr) { _, fcntlErr = unix.FcntlInt(fd, unix.F_SETFD, 0) })
	return errors.Join(err, os.NewSyscallError("fcntl", fcntlErr))
}

// inherited keeps the duplicate from being collected, and so closed, before
// the command is started.
var inherited *os.File

func isScript(err error) bool { return errors.Is(err, unix.ENOEXEC) }

func shell(script string) []string {
	sh := os.Getenv("SHELL")
	if sh == "" {
		sh = "/bin/sh"
	}
	return []string{sh, "-c", script}
}

func ours(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// endBy ends this process by the signal that it got, as if it had not been
// caught: a shell goes on with its loop if a command has dealt with Ctrl-C, and
// stops if Ctrl-C has killed it. It returns the exit status for where that
// cannot be done: what Go does for QUIT is no good to anybody.
func endBy(sig os.Signal) int {
	if sig != unix.SIGQUIT {
		signal.Reset(sig)
		syscall.Kill(os.Getpid(), sig.(syscall.Signal))
		time.Sleep(time.Second) // it comes at once
	}
	return exitSignal + int(sig.(syscall.Signal))
}

func diedOf(state *os.ProcessState, sig os.Signal) bool {
	ws, ok := state.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && ws.Signal() == sig
}

func exitStatus(state *os.ProcessState) int {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return exitSignal + int(ws.Signal())
	}
	return state.ExitCode()
}
