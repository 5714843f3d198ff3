package child

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The Go runtime aborts the process, with a page of text, if it cannot make a
// thread. So if the user's limit is near, this process first checks that there is
// room, and makes its threads before the command runs.

// tasks is how many threads and processes this process may need at a time: those of
// the runtime, the command, and some spare ones.
const tasks = 14

// fewest is how many it needs at least beside those that it has.
const fewest = 6

func init() {
	left, most := groupRoom()
	if left < fewest {
		exitWith(71, "out of processes: this control group may have "+strconv.FormatUint(most, 10)+
			" processes and threads (pids.max), too few for this program")
	}
	var limit unix.Rlimit
	near := unix.Getrlimit(unix.RLIMIT_NPROC, &limit) == nil && !far(limit.Cur)
	if near && !room(limit) {
		exitWith(71, "out of processes: this user may have "+strconv.FormatUint(limit.Cur, 10)+
			" processes and threads (ulimit -u), too few for this program")
	}
	if near || left < 4*tasks {
		makeThreads(min(tasks, int(left)) - 4) // the rest is for the command and its sentry
	}
}

// exitWith ends this process with a line on stderr, without another thread.
func exitWith(status int, why string) {
	syscall.Write(2, []byte(filepath.Base(os.Args[0])+": "+why+"\n"))
	os.Exit(status)
}

// far reports whether the limit is far away, even if all processes of the system
// belonged to this user.
func far(limit uint64) bool {
	const most = 1<<16 - 1 // the largest number that Sysinfo can report
	var info unix.Sysinfo_t
	return limit >= most && unix.Sysinfo(&info) == nil && info.Procs < most-tasks ||
		unix.Sysinfo(&info) == nil && uint64(info.Procs)+tasks <= min(limit, most)
}

// room lowers the limit by the number of tasks and tries to start a process. Only
// the kernel knows whether the limit applies to this user.
func room(limit unix.Rlimit) bool {
	lower := limit
	lower.Cur -= min(limit.Cur, tasks-1)
	if unix.Setrlimit(unix.RLIMIT_NPROC, &lower) != nil {
		return true // cannot try
	}
	defer unix.Setrlimit(unix.RLIMIT_NPROC, &limit)
	pid, err := fork(func() {})
	if err == nil {
		for {
			if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
				break
			}
		}
	}
	return err != unix.EAGAIN
}

// makeThreads makes the runtime start the threads that it may need later. The
// runtime keeps idle threads.
func makeThreads(n int) {
	runtime.GOMAXPROCS(min(2, runtime.GOMAXPROCS(0)))
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			time.Sleep(time.Millisecond)
		})
	}
	all.Wait()
}
