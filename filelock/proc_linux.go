package filelock

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A lockFile is a file's identity.
type lockFile struct {
	inode
	name    string // its name in /proc/locks; empty = the file does not exist
	guessed bool   // the name may be wrong, because the mount was not found
}

// An inode is a file's identity in stat(2).
type inode struct{ dev, ino uint64 }

// mountDevices has the devices of mounted file systems, by mount IDs. The device is
// zero if the mount was not found.
type mountDevices map[uint64]device

type device struct{ major, minor uint32 }

// identify returns a file's identity. The device in the lock table is that of the
// mounted file system. On a block device stat(2) shows the same, but btrfs shows
// another device for each subvolume, and overlay for each layer. Without follow, a
// symbolic link is identified itself.
func (m mountDevices) identify(path string, follow bool) (lockFile, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	var st unix.Stat_t
	if err := unix.Fstatat(unix.AT_FDCWD, path, &st, flags); err != nil {
		return lockFile{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	file := lockFile{inode: inode{uint64(st.Dev), st.Ino}}
	dev := device{unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev))}
	if dev.major == 0 {
		if mounted := m.at(path, flags); mounted != (device{}) {
			dev = mounted
		} else {
			file.guessed = !hasOneDevice(path)
		}
	}
	file.name = fmt.Sprintf("%02x:%02x:%d", dev.major, dev.minor, st.Ino)
	return file, nil
}

// at returns the device of the file system that is mounted at the path. It is zero
// if the mount is not found: after chroot into a directory of that file system, or
// after umount -l while it was in use.
func (m mountDevices) at(path string, flags int) device {
	var stx unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, flags, unix.STATX_MNT_ID, &stx)
	if err != nil || stx.Mask&unix.STATX_MNT_ID == 0 {
		return device{}
	}
	dev, known := m[stx.Mnt_id]
	if !known {
		dev, _ = mountDevice(stx.Mnt_id)
		m[stx.Mnt_id] = dev
	}
	return dev
}

// hasOneDevice reports whether the file system has no block device, and stat(2)
// still shows the device of the lock table.
func hasOneDevice(path string) bool {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return false
	}
	return st.Type == unix.TMPFS_MAGIC || uint32(st.Type) == unix.RAMFS_MAGIC
}

func mountDevice(mount uint64) (dev device, ok bool) {
	table, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(table)) {
		// 36 35 98:0 /mnt1 /mnt2 rw,noatime - ext3 /dev/root rw
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != strconv.FormatUint(mount, 10) {
			continue
		}
		n, _ := fmt.Sscanf(f[2], "%d:%d", &dev.major, &dev.minor)
		return dev, n == 2
	}
	return dev, false
}

// A lockTable has the flock(2) and fcntl(2) locks of /proc/locks (proc_locks(5)), by
// the names of the files there.
type lockTable map[string][]tableLock

type tableLock struct {
	pid    int // the taker or the waiter; 0 or less = in another PID namespace
	shared bool
	waits  bool // the process waits for the lock
	posix  bool // a fcntl(2) lock
}

// readLockTable reads the table several times if it is long. The kernel returns it
// in pieces of at most a page. If lines of an earlier piece disappear meanwhile,
// the reader misses lines of later pieces. So the table is read, in other pieces
// each time, until two reads are equal, or the given number of times if it
// changes all the time. The result may contain locks that were released
// meanwhile. A single piece that is far from full is the whole table.
func readLockTable(reads int) (lockTable, error) {
	table, before := lockTable{}, ""
	for i := range reads {
		page := os.Getpagesize()
		text, err := readLocks(page * (reads - i) / reads)
		if err != nil {
			return nil, err
		}
		table.add(text)
		if text == before || i == 0 && len(text) < page/2 {
			break
		}
		before = text
	}
	return table, nil
}

// readLocks reads /proc/locks, with a first piece of at most the given length. The
// kernel makes each piece at one moment, so it is consistent.
func readLocks(first int) (text string, err error) {
	f, err := os.Open("/proc/locks")
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b strings.Builder
	for buf := make([]byte, os.Getpagesize()); ; first = len(buf) {
		n, err := f.Read(buf[:first])
		b.Write(buf[:n])
		switch {
		case err == io.EOF:
			return b.String(), nil
		case err != nil:
			return "", err
		}
	}
}

// add adds the lines of flock(2) and fcntl(2) locks.
func (t lockTable) add(text string) {
	for line := range strings.Lines(text) {
		if file, l, ok := lockLine(line); ok && !slices.Contains(t[file], l) {
			t[file] = append(t[file], l)
		}
	}
}

// lockLine reads a line of /proc/locks, or the same behind "lock:" in fdinfo:
//
//	1: FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF
//	1: -> FLOCK  ADVISORY  WRITE 4243 fe:00:1234 0 EOF
//
// The second line is a process that waits for the lock.
func lockLine(line string) (file string, l tableLock, ok bool) {
	f := strings.Fields(strings.TrimPrefix(line, "lock:"))
	if l.waits = len(f) > 1 && f[1] == "->"; l.waits {
		f = f[1:]
	}
	if len(f) < 6 || f[1] != "FLOCK" && f[1] != "POSIX" && f[1] != "OFDLCK" {
		return "", l, false
	}
	l.posix = f[1] != "FLOCK"
	pid, err := strconv.Atoi(f[4])
	l.pid, l.shared = pid, f[3] == "READ"
	return f[5], l, err == nil
}

// takers returns the processes that took one of the locks.
func takers(locks []tableLock) map[int]Holder {
	found := map[int]Holder{}
	for _, l := range locks {
		if !l.waits && !l.posix {
			found[l.pid] = Holder{PID: l.pid, Taker: l.pid, Shared: l.shared}
		}
	}
	return found
}

// mayBeHeld returns the files that may be held, and are worth looking for among the
// open files. Outside the initial PID namespace these are all files, because the
// table does not show the lock of a dead taker there.
func (t lockTable) mayBeHeld(files []lockFile) []lockFile {
	if self().PIDNS != initPIDNS {
		return files
	}
	var held []lockFile
	for _, file := range files {
		if file.guessed || len(takers(t[file.name])) > 0 {
			held = append(held, file)
		}
	}
	return held
}

// openLocks has the processes that have a locked file open, by the names of the
// files in the lock table and the process IDs.
type openLocks map[string]map[int]Holder

// findOpenLocks looks at every descriptor of every process that this process may
// inspect. That is much work, so it reads as little as possible for each.
func findOpenLocks(files []lockFile) openLocks {
	found, byInode := openLocks{}, map[inode]string{}
	for _, file := range files {
		if file.name != "" {
			byInode[file.inode] = file.name
		}
	}
	if len(byInode) == 0 {
		return found
	}
	for _, pid := range processes() {
		dir := fmt.Sprintf("/proc/%d", pid)
		for file, l := range locksIn(dir, namesIn(dir+"/fd"), byInode) {
			if found[file] == nil {
				found[file] = map[int]Holder{}
			}
			found[file][pid] = Holder{PID: pid, Taker: max(l.pid, 0), Shared: l.shared}
		}
	}
	return found
}

// locksIn returns the locks that a process has on the files through these
// descriptors, by the names of the files. dir is the directory of the process in
// /proc.
func locksIn(dir string, fds []string, files map[inode]string) map[string]tableLock {
	var found map[string]tableLock
	for _, fd := range fds {
		file, ok := files[inodeAt(dir+"/fd/"+fd)]
		if !ok {
			continue
		}
		if l, ok := lockIn(dir + "/fdinfo/" + fd); ok {
			if found == nil {
				found = map[string]tableLock{}
			}
			found[file] = l
		}
	}
	return found
}

// processes returns the process IDs in /proc.
func processes() (pids []int) {
	for _, name := range namesIn("/proc") {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func namesIn(dir string) []string {
	d, err := os.Open(dir)
	if err != nil {
		return nil // the process has ended, or may not be inspected
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	return names
}

// hidden reports whether the process exists but may not be inspected.
func hidden(pid int) bool {
	d, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
	if err == nil {
		d.Close()
	}
	return errors.Is(err, fs.ErrPermission)
}

// inodeAt returns the file of a descriptor by its link in /proc, five times as fast
// as from its fdinfo. It does not ask the file system, which may hang.
func inodeAt(link string) inode {
	var stx unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, link, unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &stx); err != nil {
		return inode{} // the descriptor was closed
	}
	return inode{unix.Mkdev(stx.Dev_major, stx.Dev_minor), stx.Ino}
}

// lockIn returns the lock that a descriptor's fdinfo shows. There are no waits in
// it, and no locks of other files.
func lockIn(fdinfo string) (tableLock, bool) {
	info, _ := os.ReadFile(fdinfo)
	for line := range strings.Lines(string(info)) {
		if _, l, ok := lockLine(line); ok && !l.posix {
			return l, true
		}
	}
	return tableLock{}, false
}

// ancestors returns the ancestors of a process, the nearest first.
func ancestors(pid int) (list []int) {
	for {
		f := processStat(strconv.Itoa(pid))
		if len(f) < 2 {
			return list
		}
		parent, err := strconv.Atoi(f[1]) // field 4 of proc_pid_stat(5)
		if err != nil || parent <= 0 || slices.Contains(list, parent) {
			return list
		}
		list = append(list, parent)
		pid = parent
	}
}
