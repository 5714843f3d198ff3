package child

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"golang.org/x/sys/unix"
)

// If the Go runtime cannot make a thread, it aborts the process with a page of text. So
// if a limit is near, this process first checks that it may make the threads that it
// needs, and makes them before the command runs.

const (
	// threadsWanted is how many threads and processes this process may need at a
	// time: those of the runtime, the command, the probe, and some spare ones.
	threadsWanted = 14
	// threadsNeeded is the least number that it needs besides the threads that it has.
	threadsNeeded = 6
)

func init() {
	left, most := cgroupRoom()
	if left < threadsNeeded {
		exitWith(cli.ExitSystem, "out of processes: this control group may have "+strconv.FormatUint(most, 10)+
			" processes and threads (pids.max), too few for this program")
	}
	var limit unix.Rlimit
	near := unix.Getrlimit(unix.RLIMIT_NPROC, &limit) == nil && !isFar(limit.Cur)
	if near && !permits(limit) {
		exitWith(cli.ExitSystem, "out of processes: this user may have "+strconv.FormatUint(limit.Cur, 10)+
			" processes and threads (ulimit -u), too few for this program")
	}
	if near || left < 4*threadsWanted {
		makeThreads(min(threadsWanted, int(left)) - 4) // the other 4 are for the command and the probe
	}
}

// exitWith ends this process with a line on stderr. It needs no other thread.
func exitWith(status int, why string) {
	syscall.Write(2, []byte(filepath.Base(os.Args[0])+": "+why+"\n"))
	os.Exit(status)
}

// isFar reports whether the limit would be far away even if all processes of the
// system belonged to this user.
func isFar(limit uint64) bool {
	const most = 1<<16 - 1 // the largest number that Sysinfo can report
	var info unix.Sysinfo_t
	return unix.Sysinfo(&info) == nil && uint64(info.Procs)+threadsWanted <= min(limit, most)
}

// permits reports whether this process may make the threads that it wants. Only the
// kernel knows whether the limit applies to this user. So permits lowers the limit by
// the number of threads, and tries to start a process.
func permits(limit unix.Rlimit) bool {
	lower := limit
	lower.Cur -= min(limit.Cur, threadsWanted-1)
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

// makeThreads makes the runtime start the threads that it may need later: n goroutines
// have a thread each at the same time. The runtime keeps idle threads.
func makeThreads(n int) {
	runtime.GOMAXPROCS(min(2, runtime.GOMAXPROCS(0)))
	var all, meet sync.WaitGroup
	meet.Add(max(n, 0))
	for range n {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			meet.Done()
			meet.Wait()
		})
	}
	all.Wait()
}
