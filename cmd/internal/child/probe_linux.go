//go:build linux && !(mips || mipsle || mips64 || mips64le || s390x)

package child

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A probe is a process in the process group and the control group of the command. It
// reports the signals that it gets. If it gets a signal that came to this process, the
// command has got it, too, and the signal is not passed on. The kernel does not tell
// that: a signal to this process alone looks like one to its process group, or to each
// process of a control group.
//
// The probe is a fork of this process. It has no file open except the pipe for its
// reports. It has another name, so that a signal to processes by name (pkill, killall)
// does not reach it. It dies with this process.
type probe struct {
	pid, group int
	reports    *os.File

	mu       sync.Mutex                   // guards the fields below
	reported map[syscall.Signal]time.Time // when it reported a signal
	ignored  map[syscall.Signal]bool      // signals whose next report does not count
	news     chan struct{}                // closed when a report comes
}

const (
	// patience is how much later than this process the probe may get a signal: a
	// sender signals many processes one after the other.
	patience = 100 * time.Millisecond
	// maxLate is how many times patience the probe may take to report a signal.
	maxLate = 50
)

var probePID atomic.Int64

// isProbe reports whether a child of this process is a probe.
func isProbe(pid int) bool { return int64(pid) == probePID.Load() }

// startProbe starts a probe for the command. It returns nil if that fails.
func startProbe(p *process) *probe {
	pr := &probe{
		group: syscall.Getpgrp(), reported: map[syscall.Signal]time.Time{}, ignored: map[syscall.Signal]bool{}, news: make(chan struct{}),
	}
	if p.ownGroup {
		pr.group = p.pid
	}
	if !pr.sharesGroup(p) {
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer w.Close()
	if err := prepareProbe(w, pr.group); err != nil {
		r.Close()
		return nil
	}
	if pr.pid, err = fork(probeMain); err != nil {
		r.Close()
		return nil
	}
	probePID.Store(int64(pr.pid))
	pr.reports = r
	go pr.listen()
	return pr
}

// stop ends the probe.
func (pr *probe) stop() {
	unix.Kill(pr.pid, unix.SIGKILL)
	for {
		if _, err := unix.Wait4(pr.pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	probePID.Store(0)
	pr.reports.Close()
}

// listen reads the reports.
func (pr *probe) listen() {
	var buf [16]byte
	for {
		n, err := pr.reports.Read(buf[:])
		if err != nil {
			return
		}
		pr.mu.Lock()
		for _, b := range buf[:n] {
			sig := syscall.Signal(b)
			if pr.ignored[sig] {
				delete(pr.ignored, sig)
				continue
			}
			pr.reported[sig] = time.Now()
		}
		close(pr.news)
		pr.news = make(chan struct{})
		pr.mu.Unlock()
	}
}

// reachedCommand reports whether a signal that has just come to this process has
// reached the command, too. It waits for a report as long as patience, and longer while
// the probe has the signal but has not reported it.
func (pr *probe) reachedCommand(sig syscall.Signal, p *process) bool {
	if !pr.sharesGroup(p) {
		return false
	}
	unix.Kill(pr.pid, unix.SIGCONT) // if it was stopped with the command, perhaps only the command was continued
	late := time.After(patience)
	for asked := 0; ; {
		pr.mu.Lock()
		at, ok := pr.reported[sig]
		news := pr.news
		delete(pr.reported, sig)
		pr.mu.Unlock()
		if ok && time.Since(at) < 2*patience {
			return true
		}
		select {
		case <-news:
		case <-late:
			if asked++; asked > maxLate || !pr.isPending(sig) {
				return false
			}
			late = time.After(patience) // on a busy machine the probe may not have run
		}
	}
}

// isPending reports whether the probe has got the signal but has not reported it.
func (pr *probe) isPending(sig syscall.Signal) bool {
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(pr.pid) + "/status")
	return pendingIn(string(status))>>(sig-1)&1 != 0
}

// pendingIn returns the set of pending signals in a text of /proc/PID/status.
func pendingIn(status string) uint64 {
	for line := range strings.Lines(status) {
		if set, ok := strings.CutPrefix(line, "ShdPnd:"); ok { // hexadecimal, proc_pid_status(5)
			pending, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			if err != nil {
				return 0
			}
			return pending
		}
	}
	return 0
}

// sharesGroup reports whether the command is in the group of the probe. If it has
// left that group, the probe gets signals that the command does not get.
func (pr *probe) sharesGroup(p *process) bool {
	group, err := unix.Getpgid(p.pid)
	return err == nil && group == pr.group
}

// ignoreNext ignores the next report of a signal, which this process is about to send
// to the group.
func (pr *probe) ignoreNext(sig syscall.Signal) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.ignored[sig] = true
}

// probeArgs are the arguments of probeMain. They are set before the fork.
var probeArgs struct {
	reports uintptr // the descriptor of the pipe
	group   uintptr
	parent  uintptr
	signals unix.Sigset_t
	name    [8]byte
	args    unsafe.Pointer // the command line of this process, where ps(1) reads it
	length  uintptr        // of the command line
	got     byte           // the signal to report
	moves   bool           // the group is not that of this process
	zero    unix.Timespec  // the timeout of a system call that must not wait
	highest uintptr        // the highest descriptor that may be open; 0 = the kernel can close all
}

func prepareProbe(w *os.File, group int) (err error) {
	probeArgs.reports, probeArgs.group, probeArgs.parent = w.Fd(), uintptr(group), uintptr(os.Getpid())
	probeArgs.signals = sigset(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM)
	copy(probeArgs.name[:], "signals")
	probeArgs.args, probeArgs.length = commandLine()
	probeArgs.moves = group != syscall.Getpgrp()
	if unix.CloseRange(1<<31-1, 1<<31-1, 0) != nil {
		probeArgs.highest, err = highestDescriptor()
	}
	return err
}

// highestDescriptor returns a number above which no descriptor will be open at the
// fork.
func highestDescriptor() (uintptr, error) {
	const opened = 64 // by other threads until the fork
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	highest := 0
	for _, name := range names {
		fd, _ := strconv.Atoi(name)
		highest = max(highest, fd)
	}
	return uintptr(highest + opened), err
}

// commandLine returns where the command line is in memory: os.Args is not a copy.
func commandLine() (start unsafe.Pointer, length uintptr) {
	for _, arg := range os.Args {
		at := unsafe.Pointer(unsafe.StringData(arg))
		if start == nil {
			start = at
		} else if at != unsafe.Add(start, length) {
			break // the program changed os.Args
		}
		length += uintptr(len(arg)) + 1
	}
	return start, length
}

// probeMain is the program of the probe. It runs in its own process; see fork.
//
//go:norace
//go:nosplit
func probeMain() {
	syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
	if parent, _, _ := syscall.RawSyscall(unix.SYS_GETPPID, 0, 0, 0); parent != probeArgs.parent {
		return
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETPGID, 0, probeArgs.group, 0); errno != 0 {
		return
	}
	syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(&probeArgs.name)), 0)
	for i := uintptr(0); i < probeArgs.length; i++ {
		at := (*byte)(unsafe.Add(probeArgs.args, i))
		*at = 0
		if i < uintptr(len(probeArgs.name)) {
			*at = probeArgs.name[i]
		}
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_DUP3, probeArgs.reports, 0, 0); errno != 0 {
		return
	}
	if probeArgs.highest == 0 {
		if _, _, errno := syscall.RawSyscall(unix.SYS_CLOSE_RANGE, 1, 1<<31-1, 0); errno != 0 {
			return // the probe would keep the lock and pipes open
		}
	}
	for fd := uintptr(1); fd <= probeArgs.highest; fd++ {
		syscall.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
	}
	for probeArgs.moves { // drop the signals that came to the old group; the command has not got them
		if _, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&probeArgs.signals)), 0,
			uintptr(unsafe.Pointer(&probeArgs.zero)), sigsetSize, 0, 0); errno != 0 {
			break
		}
	}
	for {
		sig, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&probeArgs.signals)), 0, 0, sigsetSize, 0, 0)
		if errno != 0 {
			continue
		}
		probeArgs.got = byte(sig)
		syscall.RawSyscall(unix.SYS_WRITE, 0, uintptr(unsafe.Pointer(&probeArgs.got)), 1)
	}
}
