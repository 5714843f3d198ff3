package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// holders asks the kernel, and those who inherited the lock only if it is to be
// thorough: that means to look at every open file of every process. /proc/locks has a line for each lock and names the
// process that took it, which may be gone while others still have the open
// file; /proc/PID/fdinfo shows the lock in each process that has it. The
// record adds what the kernel does not know, or stands alone for holders that
// this kernel, or this PID namespace, does not know.
func holders(path string, thorough bool) ([]Holder, error) {
	file, err := identify(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	took, err := takers(file)
	if err != nil {
		return recorded(path), nil
	}
	seen := took
	if thorough && (len(took) > 0 || self().PIDNS != initPIDNS) { // a taker that is dead has no PID in another namespace
		if open := openLocks(file); len(open) > 0 {
			seen = open // else we may not look into any of the holders
		}
	}
	r, ok := readRecord(path)
	if len(seen) == 0 {
		if ok && r.unseen() {
			return []Holder{r.holder()}, nil
		}
		return nil, nil
	}
	ok = ok && r.tellsOf(took)
	host, _ := os.Hostname()
	var list []Holder
	for pid, h := range seen {
		h.Host, h.Command = host, commandLine(pid)
		if ok && !h.Shared {
			h.Note, h.Since = r.Note, r.Since
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Holder) int { return a.PID - b.PID })
	return list, nil
}

// takers are the processes that took a lock on the file.
func takers(file lockFile) (map[int]Holder, error) {
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil, err
	}
	found := map[int]Holder{}
	for line := range strings.Lines(string(table)) {
		if pid, shared, ok := flockLine(line, file.name); ok {
			found[pid] = Holder{PID: pid, Shared: shared}
		}
	}
	return found, nil
}

// lateGrant is how long it is worth waiting for a grant that this process may
// have been given and is about to give back: long if the kernel says that we
// took the lock, not at all if it knows of another taker. It hides takers in
// other PID namespaces, and any lock on some file systems.
func lateGrant(path string) time.Duration {
	file, err := identify(path)
	if err != nil {
		return 0
	}
	found, err := takers(file)
	_, ours := found[os.Getpid()]
	switch {
	case ours:
		return 100 * time.Millisecond
	case err != nil || len(found) == 0:
		return 5 * time.Millisecond
	}
	return 0
}

// A lockFile is a file's identity.
type lockFile struct {
	dev, ino uint64 // as stat(2) shows it
	name     string // as the kernel's lock table shows it
}

// identify finds out a file's identity. The device in the lock table is that of
// the mounted file system. On a block device it is what stat(2) shows; btrfs
// shows another one for each subvolume.
func identify(path string) (lockFile, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return lockFile{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	major, minor := unix.Major(st.Dev), unix.Minor(st.Dev)
	if major == 0 {
		var stx unix.Statx_t
		err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MNT_ID, &stx)
		if err == nil && stx.Mask&unix.STATX_MNT_ID != 0 {
			major, minor = mountDevice(stx.Mnt_id, major, minor)
		}
	}
	return lockFile{uint64(st.Dev), st.Ino, fmt.Sprintf("%02x:%02x:%d", major, minor, st.Ino)}, nil
}

// mountDevice returns the device of a mounted file system, or the one that is
// given if the mount is not in the table.
func mountDevice(mount uint64, major, minor uint32) (uint32, uint32) {
	table, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(table)) {
		// 36 35 98:0 /mnt1 /mnt2 rw,noatime - ext3 /dev/root rw
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != strconv.FormatUint(mount, 10) {
			continue
		}
		var a, b uint32
		if n, _ := fmt.Sscanf(f[2], "%d:%d", &a, &b); n == 2 {
			return a, b
		}
	}
	return major, minor
}

// flockLine reads a line of /proc/locks, or the same behind "lock:" in fdinfo:
//
//	1: FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF
//
// A lock that is only waited for has "->" behind the number, and is not ok.
func flockLine(line, file string) (pid int, shared, ok bool) {
	f := strings.Fields(strings.TrimPrefix(line, "lock:"))
	if len(f) < 6 || f[1] != "FLOCK" || f[5] != file {
		return 0, false, false
	}
	pid, err := strconv.Atoi(f[4])
	return pid, f[3] == "READ", err == nil
}

// openLocks finds the processes that have the locked file open. It looks at
// every descriptor of every process that we may look into, so it asks only for
// what it needs.
func openLocks(file lockFile) map[int]Holder {
	found := map[int]Holder{}
	for _, process := range namesIn("/proc") {
		pid, err := strconv.Atoi(process)
		if err != nil {
			continue
		}
		dir := "/proc/" + process
		for _, fd := range namesIn(dir + "/fd") {
			if file.isAt(dir + "/fd/" + fd) {
				if h, ok := file.lockIn(dir + "/fdinfo/" + fd); ok {
					h.PID = pid
					found[pid] = h
				}
			}
		}
	}
	return found
}

func namesIn(dir string) []string {
	d, err := os.Open(dir)
	if err != nil {
		return nil // it has ended, or is not ours to look into
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	return names
}

// isAt reports whether the file may be the one at the link in /proc. It costs
// a fifth of reading the link's fdinfo. The file system is not asked, because
// that of others may be dead.
func (f lockFile) isAt(link string) bool {
	var stx unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, link, unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &stx)
	return err != nil || stx.Ino == f.ino && unix.Mkdev(stx.Dev_major, stx.Dev_minor) == f.dev
}

// lockIn finds the lock on the file in a descriptor's fdinfo.
func (f lockFile) lockIn(fdinfo string) (Holder, bool) {
	info, _ := os.ReadFile(fdinfo)
	for line := range strings.Lines(string(info)) {
		if _, shared, ok := flockLine(line, f.name); ok {
			return Holder{Shared: shared}, true
		}
	}
	return Holder{}, false
}

func commandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
}
