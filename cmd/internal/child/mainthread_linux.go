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

// How signals of the terminal are told from those that somebody sends to this
// process alone, by kill(1) for example. The kernel knows, but os/signal does
// not say. It says so in sigtimedwait(2), to a thread that blocks the signal
// and waits for it there.
//
// A signal for a process goes to its main thread if that takes it. So on a
// terminal the main thread waits there for as long as the process lives, and
// the program runs on another one. A signal that comes while the main thread
// is on its way back there may go to another thread, and from there to
// os/signal as all others do; then fromTerminal has to guess.

// hasTerminal says that this process has a controlling terminal. Only an init
// function can keep the main thread.
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

// OnMainThread runs the program, which does not return, and does on the main
// thread what has to be done there.
func (r *Relay) OnMainThread(program func()) {
	if !hasTerminal {
		program()
	}
	// Before the program does anything: what it starts later inherits the mask
	// of its own thread, which blocks nothing.
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
			sig == sigLeave && info.Code == siTkill: // nobody else's, which Go would drop
			unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil)
			close(r.left)
			select {}
		case sig != sigLeave:
			r.deliver(syscall.Signal(sig), info.Code == siKernel)
		}
	}
}

// leaveMainThread has the main thread take no more signals. When it returns,
// those that were taken are delivered, and the others do what they do by
// default, which is to end this process.
func (r *Relay) leaveMainThread() {
	if !hasTerminal {
		return
	}
	for _, sig := range terminalSignals() {
		setDefault(sig)
	}
	unix.Tgkill(os.Getpid(), os.Getpid(), sigLeave)
	<-r.left
}

// terminalSignals are those that the terminal sends, and that are not ignored.
func terminalSignals() (list []syscall.Signal) {
	if !signal.Ignored(unix.SIGINT) { // else QUIT is, too: see catch
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
	sigLeave = 64   // SIGRTMAX, which nobody else has a use for here
)
