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

// A sentry tells whether a signal to this process was also sent to the command. The
// kernel does not say: a signal to this process alone looks like one to its
// process group, or to each process of a control group. So the sentry is a
// process in the group and the control group of the command that only reports
// its signals. If the sentry gets a signal, the command has got it, too, and it is
// not passed on.
//
// The sentry is a fork of this process. It has no files open except the pipe for
// its reports, and another name, so that a signal to processes by name (pkill,
// killall) does not reach it. It dies with this process.
type sentry struct {
	pid, group int
	reports    *os.File

	mu    sync.Mutex                   // guards the fields below
	heard map[syscall.Signal]time.Time // when it reported a signal
	echo  map[syscall.Signal]bool      // signals that this process has sent to its group
	news  chan struct{}                // closed when a report comes
}

const (
	// patience is how long after this process the sentry may get a signal: one
	// that goes to many processes is sent to one after the other.
	patience = 100 * time.Millisecond
	// maxLate is how many times patience the sentry may have a signal before it
	// reports that.
	maxLate = 50
)

var sentryPID atomic.Int64

// isSentry reports whether a child of this process is a sentry.
func isSentry(pid int) bool { return int64(pid) == sentryPID.Load() }

// post starts a sentry beside the command. It returns nil if that fails.
func post(p *process) *sentry {
	s := &sentry{group: syscall.Getpgrp(), heard: map[syscall.Signal]time.Time{}, echo: map[syscall.Signal]bool{}, news: make(chan struct{})}
	if p.apart {
		s.group = p.pid
	}
	if !s.isBeside(p) {
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer w.Close()
	if err := prepareOrders(w, s.group); err != nil {
		r.Close()
		return nil
	}
	if s.pid, err = fork(watch); err != nil {
		r.Close()
		return nil
	}
	sentryPID.Store(int64(s.pid))
	s.reports = r
	go s.listen()
	return s
}

// dismiss ends the sentry.
func (s *sentry) dismiss() {
	unix.Kill(s.pid, unix.SIGKILL)
	for {
		if _, err := unix.Wait4(s.pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	sentryPID.Store(0)
	s.reports.Close()
}

// listen reads the reports.
func (s *sentry) listen() {
	var buf [16]byte
	for {
		n, err := s.reports.Read(buf[:])
		if err != nil {
			return
		}
		s.mu.Lock()
		for _, b := range buf[:n] {
			sig := syscall.Signal(b)
			if s.echo[sig] {
				delete(s.echo, sig)
				continue
			}
			s.heard[sig] = time.Now()
		}
		close(s.news)
		s.news = make(chan struct{})
		s.mu.Unlock()
	}
}

// got reports whether the command, too, has got a signal that has just come to this
// process. If it has not, got waits for patience, and longer if the sentry has yet to
// report it.
func (s *sentry) got(sig syscall.Signal, p *process) bool {
	if !s.isBeside(p) {
		return false
	}
	unix.Kill(s.pid, unix.SIGCONT) // it may have been stopped with the command, and not been continued
	late := time.After(patience)
	for asked := 0; ; {
		s.mu.Lock()
		at, ok := s.heard[sig]
		news := s.news
		delete(s.heard, sig)
		s.mu.Unlock()
		if ok && time.Since(at) < 2*patience {
			return true
		}
		select {
		case <-news:
		case <-late:
			if asked++; asked > maxLate || !s.isPending(sig) {
				return false
			}
			late = time.After(patience) // on a busy machine the sentry has not run yet
		}
	}
}

// isPending reports whether the sentry got the signal and has yet to report it.
func (s *sentry) isPending(sig syscall.Signal) bool {
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(s.pid) + "/status")
	for line := range strings.Lines(string(status)) {
		if set, ok := strings.CutPrefix(line, "ShdPnd:"); ok { // hexadecimal, proc_pid_status(5)
			pending, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			return err == nil && pending>>(sig-1)&1 != 0
		}
	}
	return false
}

// isBeside reports whether the command is in the group of the sentry. If it has
// left that group, the sentry gets signals that the command does not get.
func (s *sentry) isBeside(p *process) bool {
	group, err := unix.Getpgid(p.pid)
	return err == nil && group == s.group
}

// expect notes that this process is about to send a signal to the command's group.
func (s *sentry) expect(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.echo[sig] = true
}

// orders is what a sentry needs to know. It is set before the fork.
var orders struct {
	reports uintptr // the descriptor of the pipe
	group   uintptr
	parent  uintptr
	signals unix.Sigset_t
	name    [8]byte
	args    unsafe.Pointer // our command line, where ps(1) reads it
	length  uintptr        // of that
	got     byte
	apart   bool          // the group is not ours
	now     unix.Timespec // no time at all
	highest uintptr       // if a kernel closes no range: the highest descriptor that may be open
}

func prepareOrders(w *os.File, group int) (err error) {
	orders.reports, orders.group, orders.parent = w.Fd(), uintptr(group), uintptr(os.Getpid())
	orders.signals = sigset(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM)
	copy(orders.name[:], "signals")
	orders.args, orders.length = commandLine()
	orders.apart = group != syscall.Getpgrp()
	if unix.CloseRange(1<<31-1, 1<<31-1, 0) != nil {
		orders.highest, err = highestDescriptor()
	}
	return err
}

// highestDescriptor is a number above which no descriptor is open in the next
// moment.
func highestDescriptor() (uintptr, error) {
	const opened = 64 // by other threads meanwhile
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

// commandLine returns the memory of the command line, which the Go runtime does
// not copy.
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

// watch is the program of the sentry. It runs in its own process; see fork.
//
//go:norace
//go:nosplit
func watch() {
	syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
	if parent, _, _ := syscall.RawSyscall(unix.SYS_GETPPID, 0, 0, 0); parent != orders.parent {
		return
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETPGID, 0, orders.group, 0); errno != 0 {
		return
	}
	syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(&orders.name)), 0)
	for i := uintptr(0); i < orders.length; i++ {
		at := (*byte)(unsafe.Add(orders.args, i))
		*at = 0
		if i < uintptr(len(orders.name)) {
			*at = orders.name[i]
		}
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_DUP3, orders.reports, 0, 0); errno != 0 {
		return
	}
	if orders.highest == 0 {
		if _, _, errno := syscall.RawSyscall(unix.SYS_CLOSE_RANGE, 1, 1<<31-1, 0); errno != 0 {
			return // the sentry would keep the lock and pipes open
		}
	}
	for fd := uintptr(1); fd <= orders.highest; fd++ {
		syscall.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
	}
	for orders.apart { // the command has not got what was sent to our own group meanwhile
		if _, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&orders.signals)), 0,
			uintptr(unsafe.Pointer(&orders.now)), sigsetSize, 0, 0); errno != 0 {
			break
		}
	}
	for {
		sig, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&orders.signals)), 0, 0, sigsetSize, 0, 0)
		if errno != 0 {
			continue
		}
		orders.got = byte(sig)
		syscall.RawSyscall(unix.SYS_WRITE, 0, uintptr(unsafe.Pointer(&orders.got)), 1)
	}
}
