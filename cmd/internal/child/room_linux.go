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

// The Go runtime aborts the process, with a page of text, when the system gives
// it no thread. So where the user's limit is near, this process looks for room
// before it does anything else, and makes its threads before the command runs.

// tasks is how many threads and processes this process may need at a time: the
// runtime's, the command, and some to spare.
const tasks = 14

func init() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &limit) != nil || far(limit.Cur) {
		return
	}
	if !room(limit) {
		exitWith(71, "out of processes: this user may have "+strconv.FormatUint(limit.Cur, 10)+
			" processes and threads (ulimit -u), too few for this program")
	}
	makeThreads()
}

// exitWith ends this process with a line on stderr. It needs no other thread.
func exitWith(status int, why string) {
	syscall.Write(2, []byte(filepath.Base(os.Args[0])+": "+why+"\n"))
	os.Exit(status)
}

// far reports whether the limit is so high that all processes of the system
// together leave room.
func far(limit uint64) bool {
	const most = 1<<16 - 1 // that the kernel can tell
	var info unix.Sysinfo_t
	return limit >= most && unix.Sysinfo(&info) == nil && info.Procs < most-tasks ||
		unix.Sysinfo(&info) == nil && uint64(info.Procs)+tasks <= min(limit, most)
}

// room tries whether the kernel makes a process even if the limit is lower by
// what this one will need. It knows best who is not limited.
func room(limit unix.Rlimit) bool {
	lower := limit
	lower.Cur -= min(limit.Cur, tasks-1)
	if unix.Setrlimit(unix.RLIMIT_NPROC, &lower) != nil {
		return true // nothing can be found out
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

// makeThreads has the runtime make the threads that it may want later. It keeps
// them when they have nothing to do.
func makeThreads() {
	runtime.GOMAXPROCS(min(2, runtime.GOMAXPROCS(0)))
	var all sync.WaitGroup
	for range tasks - 4 {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			time.Sleep(time.Millisecond)
		})
	}
	all.Wait()
}
