package filelock

import (
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// kernelMode returns the flock(2) lock that the kernel shows for an open file: its
// fdinfo has a line for it, whatever process took it (proc_pid_fdinfo(5)).
func kernelMode(f *os.File) lockMode {
	mode := shownMode(f)
	if mode == notLocked && !showsLocks() {
		return unknownMode
	}
	return mode
}

// showsLocks reports whether fdinfo shows locks here. Some kernels that imitate
// Linux have no such lines.
var showsLocks = sync.OnceValue(func() bool {
	fd, err := unix.MemfdCreate("fsync", unix.MFD_CLOEXEC)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "fsync")
	defer f.Close()
	return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil && shownMode(f) == exclusiveMode
})

func shownMode(f *os.File) lockMode {
	conn, err := f.SyscallConn()
	if err != nil {
		return unknownMode
	}
	mode := unknownMode
	conn.Control(func(fd uintptr) {
		var buf [1024]byte // the line of a flock(2) lock comes before those of others
		n, err := readOnce("/proc/self/fdinfo/"+strconv.Itoa(int(fd)), buf[:])
		if err != nil {
			return
		}
		mode = notLocked
		for line := range strings.Lines(string(buf[:n])) {
			if _, l, ok := lockLine(line); ok && !l.posix {
				mode = exclusiveMode
				if l.shared {
					mode = sharedMode
				}
				return
			}
		}
	})
	return mode
}

// readOnce reads the beginning of a file in /proc, at a third of the cost of
// [os.ReadFile].
func readOnce(path string, buf []byte) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	for err == unix.EINTR {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	return unix.Read(fd, buf)
}
