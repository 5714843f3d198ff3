package child

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// If one of the first three descriptors is closed when a process starts, the Go runtime
// opens /dev/null for reading and writing in its place. A /dev/null that the parent has
// opened in the same way looks alike, with two differences:
//
//   - The runtime opens each descriptor separately. A descriptor that shares its open
//     file with another one, or with the parent's descriptor of this number, came from
//     the parent.
//   - Shells open /dev/null for reading and writing only for "<>/dev/null". Python and
//     Node.js do it for a child whose output they ignore. If its descriptors were closed,
//     that child would break.

// LooksOpenedByRuntime reports whether fd is one of the first three descriptors and may
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

// WasClosed reports whether one of the first three descriptors was probably closed
// when this process started: it looks so, and the parent is a shell that does not
// have the same open file there.
func WasClosed(fd int) bool {
	return LooksOpenedByRuntime(fd) && parentIsShell() && !sameFile(os.Getppid(), fd, fd)
}

// sameFile reports whether a descriptor of another process and one of this process are
// the same open file. If the kernel does not tell, it reports whether the other one
// may be /dev/null.
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

var parentIsShell = sync.OnceValue(func() bool {
	path, err := os.Readlink("/proc/" + strconv.Itoa(os.Getppid()) + "/exe")
	if err != nil {
		return false
	}
	switch strings.TrimSuffix(filepath.Base(path), " (deleted)") {
	case "sh", "dash", "bash", "ash", "busybox", "zsh", "ksh", "ksh93", "mksh", "fish":
		return true
	}
	return false
})

// closeStandardFiles makes the next exec close the descriptors that were closed
// when this process started.
func closeStandardFiles() {
	for fd := range 3 {
		if WasClosed(fd) {
			unix.CloseOnExec(fd)
		}
	}
}
