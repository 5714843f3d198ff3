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

// needsTERM means that a terminal without a TERM can only print.
const needsTERM = true

func enableSequences(*os.File) bool { return true }

// Signals that end a watch, and signals that it handles.
var (
	endSignals   = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
	otherSignals = []os.Signal{syscall.SIGWINCH, syscall.SIGTSTP}
)

func isStop(sig os.Signal) bool { return sig == syscall.SIGTSTP }

func isResize(sig os.Signal) bool { return sig == syscall.SIGWINCH }

func number(sig os.Signal) int { return int(sig.(syscall.Signal)) }

// stopSelf leaves the screen and stops this process, as Ctrl-Z asks. It returns when
// the process continues. If no shell could continue the process, as below "ssh -t",
// the process does not stop.
func stopSelf(leave func()) {
	on := make(chan os.Signal, 1)
	signal.Notify(on, syscall.SIGCONT)
	defer signal.Stop(on)
	leave()
	if hasShell() {
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		<-on // the call may return a little before the process stops
		return
	}
	// The parent is no shell. A shell above it may have taken the terminal already: then
	// leave has stopped this process, and SIGCONT has come. Otherwise SIGTTOU lets the
	// kernel decide. The kernel stops the process only if its process group is not
	// orphaned, which means that a shell can continue the process. SIGTSTP would do the
	// same, but this process catches it.
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

// hasShell reports whether the parent is a shell with job control, which can continue
// this process.
func hasShell() bool {
	parent := os.Getppid()
	session, err := unix.Getsid(parent)
	mine, mineErr := unix.Getsid(0)
	group, groupErr := unix.Getpgid(parent)
	own, ownErr := unix.Getpgid(0)
	return cmp.Or(err, mineErr, groupErr, ownErr) == nil && session == mine && group != own
}

// awaitKey waits until there is a key to read. A read that waits would go wrong at Ctrl-Z:
// the signal interrupts the read, and the read starts again. If the shell has taken the
// terminal by then, the kernel stops this process before it has left the screen.
func awaitKey(f *os.File) {
	for ready := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}; ; {
		if _, err := unix.Poll(ready, -1); err != unix.EINTR {
			return
		}
	}
}

// quietKeys makes the terminal send each key at once, without an echo. restore undoes
// that.
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
