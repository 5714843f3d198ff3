package child

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// The Go runtime opens /dev/null for reading and writing in the place of each of
// the first three descriptors that is closed when the process starts. Nothing
// tells that from one that the parent has opened so. What is known:
//
//   - The runtime opens each by itself: one that shares its open file with
//     another of them, or with the same one of the parent, was opened by the
//     parent or inherited from it.
//   - Shells do not open it for reading and writing unless they are told to by
//     "<>/dev/null". Some languages do for a child that is to be silent (Python,
//     Node.js). To have closed descriptors would break that child.

// LooksOpenedByRuntime reports whether one of the first three descriptors may
// have been closed when this process started.
func LooksOpenedByRuntime(fd int) bool {
	var st, null unix.Stat_t
	if fd < 0 || fd > 2 || unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return false
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR || flags&(unix.O_APPEND|unix.O_NONBLOCK) != 0 {
		return false
	}
	if unix.Stat(os.DevNull, &null) != nil || st.Rdev != null.Rdev {
		return false
	}
	for other := range 3 {
		if other != fd && sameFile(os.Getpid(), other, fd) {
			return false
		}
	}
	return true
}

// WasClosed reports whether one of the first three descriptors was closed, as
// far as it can be known, when this process started: it looks so, and the parent
// is a shell that does not have the same open file there.
var WasClosed = func() func(fd int) bool {
	parent := sync.OnceValue(parentIsShell)
	return func(fd int) bool {
		return LooksOpenedByRuntime(fd) && parent() && !sameFile(os.Getppid(), fd, fd)
	}
}()

// sameFile reports whether a descriptor of a process and one of ours are one
// open file; or that both are /dev/null opened alike, if the kernel does not tell
// more.
func sameFile(pid, theirs, ours int) bool {
	const kcmpFile = 0
	differ, _, errno := unix.RawSyscall6(unix.SYS_KCMP, uintptr(pid), uintptr(os.Getpid()), kcmpFile, uintptr(theirs), uintptr(ours), 0)
	switch errno {
	case 0:
		return differ == 0
	case unix.EBADF:
		return false
	}
	path, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/fd/" + strconv.Itoa(theirs))
	return err != nil && !os.IsNotExist(err) || path == os.DevNull
}

func parentIsShell() bool {
	path, err := os.Readlink("/proc/" + strconv.Itoa(os.Getppid()) + "/exe")
	if err != nil {
		return false
	}
	switch strings.TrimSuffix(filepath.Base(path), " (deleted)") {
	case "sh", "dash", "bash", "ash", "busybox", "zsh", "ksh", "ksh93", "mksh", "fish":
		return true
	}
	return false
}

// closeStandardFiles has the next exec close what was closed when this process
// started.
func closeStandardFiles() {
	for fd := range 3 {
		if WasClosed(fd) {
			unix.CloseOnExec(fd)
		}
	}
}
