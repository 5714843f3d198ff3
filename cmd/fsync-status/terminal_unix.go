//go:build unix

package main

import (
	"cmp"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// knowsSequences says that a terminal is one to draw on if TERM does not say
// otherwise. Here it has to say so.
const knowsSequences = false

func obeysSequences(*os.File) bool { return true }

// Signals that end watching, and others that concern it.
var (
	endSignals   = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
	otherSignals = []os.Signal{syscall.SIGWINCH, syscall.SIGTSTP}
)

func isStop(sig os.Signal) bool { return sig == syscall.SIGTSTP }

func isResize(sig os.Signal) bool { return sig == syscall.SIGWINCH }

func number(sig os.Signal) int { return int(sig.(syscall.Signal)) }

// stopSelf stops this process when it has left the terminal, and returns when
// it goes on: at once where no shell could have it go on, as below "ssh -t".
func stopSelf(leave func()) {
	on := make(chan os.Signal, 1)
	signal.Notify(on, syscall.SIGCONT)
	defer signal.Stop(on)
	leave()
	if hasShell() {
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		<-on // the stop may come a little later than the call's end
		return
	}
	// If there is a shell it waits for another process, and may have taken the
	// terminal already: then leave has stopped this one, and it goes on by now.
	// Else the system knows: those of an orphaned process group it does not stop
	// with TTOU, nor with TSTP, but that one is caught.
	if !within(on, 50*time.Millisecond) {
		syscall.Kill(os.Getpid(), syscall.SIGTTOU)
		within(on, 50*time.Millisecond)
	}
}

func within(on <-chan os.Signal, d time.Duration) bool {
	select {
	case <-on:
		return true
	case <-time.After(d):
		return false
	}
}

// hasShell reports whether the parent is a shell with job control, which has this
// process go on again.
func hasShell() bool {
	parent := os.Getppid()
	session, err := unix.Getsid(parent)
	mine, mineErr := unix.Getsid(0)
	group, groupErr := unix.Getpgid(parent)
	own, ownErr := unix.Getpgid(0)
	return cmp.Or(err, mineErr, groupErr, ownErr) == nil && session == mine && group != own
}

// awaitKey returns when there is a key to read. A read that has begun would not do:
// Ctrl-Z interrupts it, and if the shell has taken the terminal by the time that
// it goes on, the kernel stops this process before it has left the screen.
func awaitKey(f *os.File) {
	for ready := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}; ; {
		if _, err := unix.Poll(ready, -1); err != unix.EINTR {
			return
		}
	}
}

// quietKeys makes the terminal hand over each key as it is pressed, and not
// show it. What it returns undoes that.
func quietKeys(f *os.File) (restore func()) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return func() {}
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO | unix.ICANON
	quiet.Cc[unix.VMIN], quiet.Cc[unix.VTIME] = 1, 0
	unix.IoctlSetTermios(fd, setTermios, &quiet)
	return func() { unix.IoctlSetTermios(fd, setTermios, before) }
}
