//go:build !(mips || mipsle || mips64 || mips64le)

package child

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A signal may come from the terminal, or from a process such as kill(1), which sends it
// to this process alone. os/signal does not tell which. sigtimedwait(2) does, in a thread
// that blocks the signal and waits for it.
//
// The kernel gives a signal for a process to its main thread if that thread can take
// it. So with a terminal the main thread waits in sigtimedwait as long as the process
// lives, and the program runs on another thread. If a signal comes while the main
// thread is not waiting, another thread may take it and give it to os/signal; then
// fromTerminal has to guess.

// hasTerminal means that this process has a controlling terminal. It is set in an
// init function, because only there a goroutine can lock the main thread.
var hasTerminal bool

func init() {
	fd, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	unix.Close(fd)
	hasTerminal = true
	runtime.LockOSThread()
}

// OnMainThread runs the program, which does not return, and waits for signals on
// the main thread.
func (r *Relay) OnMainThread(program func()) {
	if !hasTerminal {
		program()
	}
	// This comes before the program starts anything. Processes that it starts
	// inherit the mask of its own thread, which blocks no signal.
	set := sigset(append(terminalSignals(), sigLeave)...)
	unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil)
	go program()
	for {
		var info unix.Siginfo
		sig, _, errno := unix.Syscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)),
			uintptr(unsafe.Pointer(&info)), 0, sigsetSize, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0, // this kernel cannot do it
			sig == sigLeave && info.Code == siTkill: // from leaveMainThread, not from another process
			unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil)
			close(r.mainLeft)
			select {}
		case sig != sigLeave:
			r.deliver(syscall.Signal(sig), info.Code == siKernel)
		}
	}
}

// leaveMainThread makes the main thread take no more signals. When it returns, the
// signals that it took are delivered. Later signals have their default effect: they
// end this process.
func (r *Relay) leaveMainThread() {
	if !hasTerminal {
		return
	}
	for _, sig := range terminalSignals() {
		setDefault(sig)
	}
	unix.Tgkill(os.Getpid(), os.Getpid(), sigLeave)
	<-r.mainLeft
}

// terminalSignals returns the signals of the terminal that are not ignored.
func terminalSignals() (list []syscall.Signal) {
	if !signal.Ignored(unix.SIGINT) { // if INT is ignored, QUIT is, too: see catch
		list = append(list, unix.SIGINT, unix.SIGQUIT)
	}
	if !signal.Ignored(unix.SIGHUP) {
		list = append(list, unix.SIGHUP)
	}
	return list
}

const (
	siKernel = 0x80 // SI_KERNEL, see sigaction(2)
	siTkill  = -6   // SI_TKILL
	sigLeave = 64   // SIGRTMAX, which nothing else in this process uses
)
