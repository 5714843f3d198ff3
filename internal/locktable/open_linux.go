package locktable

import (
	"strconv"
	"strings"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/process"
	"golang.org/x/sys/unix"
)

// Holders returns the flock(2) locks on the files, by the name of the file and then by the
// PID of each process that has the lock through a descriptor. Lock.PID is the process that
// took it. Holders leaves out processes that this one may not inspect.
//
// Holders looks at every descriptor of every process. So it reads as little as possible for
// each descriptor, and does not look for files that are not held.
func (t Table) Holders(files []File) map[string]map[int]Lock {
	found, names := map[string]map[int]Lock{}, map[file.ID]string{}
	for _, f := range files {
		if t.mayBeHeld(f) {
			names[f.ID] = f.Name
		}
	}
	if len(names) == 0 {
		return found
	}
	pids, _ := process.List()
	for _, pid := range pids {
		for file, l := range locksOf(pid, names) {
			if found[file] == nil {
				found[file] = map[int]Lock{}
			}
			found[file][pid] = l
		}
	}
	return found
}

// mayBeHeld reports whether the file may be held. Outside the initial PID namespace every
// file may be held, because there the table leaves out a lock whose taker has ended.
func (t Table) mayBeHeld(file File) bool {
	return file.Name != "" && (file.Guessed || len(t.Takers(file)) > 0 || process.Self().PIDNS != process.InitialNamespace)
}

// HeldBy returns the flock(2) lock that a process has on the file through an open file.
func HeldBy(pid int, f File) (l Lock, holds bool) {
	l, holds = locksOf(pid, map[file.ID]string{f.ID: f.Name})[f.Name]
	return l, holds
}

// locksOf returns the locks that a process has on the files, by their names.
func locksOf(pid int, names map[file.ID]string) map[string]Lock {
	var found map[string]Lock
	dir := "/proc/" + strconv.Itoa(pid)
	fds, _ := process.Descriptors(pid) // empty if the process has ended or may not be inspected
	for _, fd := range fds {
		file, ok := names[idAt(dir+"/fd/"+fd)]
		if !ok {
			continue
		}
		if l, locked, _ := lockIn(dir + "/fdinfo/" + fd); locked {
			if found == nil {
				found = map[string]Lock{}
			}
			found[file] = l
		}
	}
	return found
}

// idAt identifies the file of a descriptor by the link in /proc, which is five times as fast
// as reading its fdinfo. idAt does not ask the file system, which may hang.
func idAt(link string) file.ID {
	var stx unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, link, unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &stx); err != nil {
		return file.ID{} // the descriptor was closed
	}
	return file.ID{Dev: unix.Mkdev(stx.Dev_major, stx.Dev_minor), Ino: stx.Ino}
}

// OfDescriptor returns the flock(2) lock that an open file of this process has,
// whatever process took it.
func OfDescriptor(fd uintptr) (l Lock, locked bool, err error) {
	return lockIn("/proc/self/fdinfo/" + strconv.FormatUint(uint64(fd), 10))
}

// lockIn returns the flock(2) lock in the fdinfo of a descriptor. An fdinfo shows no waits,
// and no locks of other files.
func lockIn(fdinfo string) (l Lock, locked bool, err error) {
	var buf [1024]byte // the line of a flock(2) lock comes before the lines of other locks
	n, err := readOnce(fdinfo, buf[:])
	if l, locked = flockIn(string(buf[:max(n, 0)])); locked {
		err = nil
	}
	return l, locked, err
}

// flockIn returns the flock(2) lock in the text of an fdinfo.
func flockIn(text string) (l Lock, locked bool) {
	for line := range strings.Lines(text) {
		if _, l, ok := parse(line); ok && !l.POSIX {
			return l, true
		}
	}
	return Lock{}, false
}

// readOnce reads the beginning of a file in /proc, in a third of the time of [os.ReadFile].
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
