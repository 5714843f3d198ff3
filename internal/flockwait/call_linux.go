package flockwait

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/fsync-lock/fsync/internal/later"
	"golang.org/x/sys/unix"
)

// A Call is one call of flock(2) that can be called back. The zero Call is ready
// for use, once.
type Call struct {
	// Inherited means that other processes have the open file too, such as the shell
	// that opened it. They may have locked the file, and the kernel has one lock for all
	// of them. So the Call never unlocks the file. If the lock is granted just when Back
	// is called, it stays granted, and Lock returns nil.
	Inherited bool

	mu     sync.Mutex // guards the fields below
	thread int        // the thread that is in Lock; 0 = none
	fd     int        // its descriptor
	why    error      // the reason of Back
	file   int        // after Back, a second descriptor of the open file; -1 = none
}

// Lock locks the open file of the descriptor; how is LOCK_EX or LOCK_SH. It blocks its
// thread until the lock is granted or Back is called. In the second case it returns the
// reason that Back was given; this call has not locked the file then, and the caller can
// only close the descriptor. No other goroutine may use the descriptor during the call.
func (c *Call) Lock(fd, how int) error {
	runtime.LockOSThread() // the thread that Back interrupts
	defer runtime.UnlockOSThread()
	if err := c.begin(fd); err != nil {
		return err
	}
	defer unblockSignals()()
	Reached(Begun, fd)
	err := flock(fd, how)
	Reached(Returned, fd)
	return c.end(err)
}

// Back calls the Call back: its Lock returns why. If Lock has not begun, it will not
// block. Back does nothing if Lock is over, or if the Call was called back before.
//
// Back may come at any moment of Lock:
//   - If flock(2) has not entered the kernel, it finds the other file.
//   - If flock(2) is blocked, the signal interrupts it. The same happens if flock(2) is
//     just entering the kernel, because the signal is pending.
//   - If the lock was granted, Back unlocks the file. If the kernel grants the lock only
//     after that, end unlocks the file.
func (c *Call) Back(why error) {
	c.mu.Lock() // while it is locked, the thread and the descriptor belong to the call
	defer c.mu.Unlock()
	if c.why != nil {
		return
	}
	c.why, c.file = why, -1
	if c.thread == 0 {
		return
	}
	if !c.Inherited {
		if fd, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			c.file = fd
		}
	}
	replace(c.fd)
	Reached(Interrupting, c.fd)
	interrupt(c.thread)
	unanswered.Add(c)
	if c.file >= 0 {
		unix.Flock(c.file, unix.LOCK_UN)
	}
	Reached(Interrupted, c.fd)
}

// unanswered has the calls that were called back and are not over. A signal is lost if
// the program begins to ignore it, or to handle it again, at the moment when it is sent.
// So a call that is not over after a while gets another signal. The while is long, so
// that a busy semaphore spends no time on it.
var unanswered = later.Calls[*Call]{Every: 100 * time.Millisecond}

func init() { unanswered.Do = (*Call).backAgain }

func (c *Call) backAgain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.thread != 0 {
		interrupt(c.thread)
		unanswered.Add(c)
	}
}

// replace puts the other file (nowhere.fd) behind the number of a descriptor. The kernel
// refuses a number beyond RLIMIT_NOFILE (getrlimit(2)), which the program may have lowered
// since the file was opened. But then no other file can get the number, so replace can
// close the descriptor instead.
func replace(fd int) {
	err := unix.Dup3(nowhere.fd, fd, unix.O_CLOEXEC)
	for err == unix.EINTR {
		err = unix.Dup3(nowhere.fd, fd, unix.O_CLOEXEC)
	}
	if err != nil {
		unix.Close(fd)
	}
}

func (c *Call) begin(fd int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why == nil {
		c.thread, c.fd = unix.Gettid(), fd
	}
	return c.why
}

// end returns the result of Lock. If the lock was granted to a call that was called back,
// end unlocks the file. Closing its descriptor would not be enough, because a child process
// that has not yet called execve(2) may have a copy.
func (c *Call) end(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.thread = 0; c.why == nil {
		c.why = errOver
		return err
	}
	unanswered.Remove(c)
	if c.Inherited && err == nil {
		return nil
	}
	if c.file >= 0 {
		if err == nil {
			unix.Flock(c.file, unix.LOCK_UN)
		}
		unix.Close(c.file)
	}
	return c.why
}

// errOver is the reason in a Call that was over before Back.
var errOver = errors.New("the call is over")

// flock repeats the call if a signal handler of C code, which may lack SA_RESTART, has
// interrupted it.
func flock(fd, how int) error {
	for {
		if err := unix.Flock(fd, how); err != unix.EINTR {
			return err
		}
	}
}

// signals can interrupt a call. The first that the program does not ignore is used; the
// program may begin to ignore SIGURG during the call. Like SIGURG, the others have no effect
// unless the program asks for them. A program that does must expect one without a cause.
var signals = [...]syscall.Signal{unix.SIGURG, unix.SIGWINCH, unix.SIGCHLD}

func interrupt(thread int) {
	for _, s := range signals {
		if !signal.Ignored(s) {
			unix.Tgkill(os.Getpid(), thread, s)
			return
		}
	}
	// The program ignores all of them, as after signal.Ignore(). So handle one for a moment.
	// The kernel may drop the signal afterwards, but the signal has already woken the thread.
	signal.Notify(make(chan os.Signal, 1), signals[0])
	unix.Tgkill(os.Getpid(), thread, signals[0])
	signal.Ignore(signals[0])
}

// unblockSignals makes sure that the thread gets the signals. Otherwise they may be blocked,
// because the Go runtime keeps the signal mask that the process has inherited.
func unblockSignals() (restore func()) {
	var set, old unix.Sigset_t
	for _, s := range signals {
		set.Val[0] |= 1 << (s - 1)
	}
	err := unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, &old)
	if err != nil || old.Val[0]&set.Val[0] == 0 {
		return func() {}
	}
	return func() { unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) }
}

// nowhere is the other file: a descriptor that flock(2) refuses (EBADF), because it was
// opened with O_PATH (open(2)). It stays open.
var nowhere = struct {
	mu sync.Mutex
	fd int // -1 = not opened yet
}{fd: -1}

// canBeCalledBack reports whether a Call can be called back.
func canBeCalledBack() bool {
	if signal.Ignored(signals[0]) {
		return false
	}
	nowhere.mu.Lock()
	defer nowhere.mu.Unlock()
	if nowhere.fd < 0 {
		fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return false
		}
		nowhere.fd = fd
	}
	return true
}
