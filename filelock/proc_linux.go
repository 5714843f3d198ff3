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
	name    string // as the kernel's lock table shows it; empty = there is no such file
	guessed bool   // the name may be another one: the mount is not to be found
}

// An inode is a file's identity as stat(2) shows it.
type inode struct{ dev, ino uint64 }

// mountDevices are the devices of mounted file systems, by the mounts' numbers.
// The device is zero if the mount is not to be found.
type mountDevices map[uint64]device

type device struct{ major, minor uint32 }

// identify finds out a file's identity. The device in the lock table is that of
// the mounted file system. On a block device it is what stat(2) shows; btrfs
// shows another one for each subvolume, and overlay for each layer. A symbolic
// link is a file of its own, unless it is followed.
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

// at returns the device of the file system that is mounted at the path; zero if
// that is not to be found, as of one that the root directory is within (chroot)
// or that was unmounted while it was in use (umount -l).
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

// hasOneDevice reports whether the file system is one of those without a block
// device for which stat(2) shows the device of the lock table.
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

// A lockTable is what /proc/locks (proc_locks(5)) says of flock(2) and fcntl(2)
// locks, by the files' names in it.
type lockTable map[string][]tableLock

type tableLock struct {
	pid    int // who took the lock, or waits; 0 or less = in another PID namespace
	shared bool
	waits  bool // it is not had, only waited for
	posix  bool // it is a fcntl(2) lock
}

// readLockTable reads the table several times if it is long: the kernel hands
// it out in pieces of a page at most, and what stands at the beginning of a
// piece, or in all that are left, is missed if lines of an earlier one go
// meanwhile. So it is read until it is the same twice, in other pieces each
// time; and there may be lines of locks in it that were released while it was
// read. One piece that is far from full is all there is. A table that changes
// all the time is read so many times.
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

// readLocks reads /proc/locks, of which the first piece is that long at most. A
// piece is what the kernel hands out at once, and so a true picture.
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
// The second is a lock that is waited for.
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

// takers are the processes that took one of the locks.
func takers(locks []tableLock) map[int]Holder {
	found := map[int]Holder{}
	for _, l := range locks {
		if !l.waits && !l.posix {
			found[l.pid] = Holder{PID: l.pid, Taker: l.pid, Shared: l.shared}
		}
	}
	return found
}

// mayBeHeld returns those of the files that it is worth looking for among the
// open ones. A taker that is dead has no PID in another namespace than the
// initial one, and the table does not show its lock there.
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

// openLocks are the processes that have a locked file open, by the files' names
// in the lock table and the processes' IDs.
type openLocks map[string]map[int]Holder

// findOpenLocks looks at every descriptor of every process that we may look
// into, so it asks only for what it needs.
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

// locksIn are the locks that a process has on the files, by their names, through
// the descriptors of these numbers. Dir is its directory in /proc.
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

// processes are those that /proc shows.
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
		return nil // it has ended, or is not ours to look into
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	return names
}

// hidden reports whether there is such a process and it is not ours to look
// into.
func hidden(pid int) bool {
	d, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
	if err == nil {
		d.Close()
	}
	return errors.Is(err, fs.ErrPermission)
}

// inodeAt returns which file is at the link in /proc. It costs a fifth of
// reading the link's fdinfo. The file system is not asked, because that of
// others may be dead.
func inodeAt(link string) inode {
	var stx unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, link, unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &stx); err != nil {
		return inode{} // it has been closed
	}
	return inode{unix.Mkdev(stx.Dev_major, stx.Dev_minor), stx.Ino}
}

// lockIn finds the lock that a descriptor's fdinfo shows. It shows no waits, and
// no other file's.
func lockIn(fdinfo string) (tableLock, bool) {
	info, _ := os.ReadFile(fdinfo)
	for line := range strings.Lines(string(info)) {
		if _, l, ok := lockLine(line); ok && !l.posix {
			return l, true
		}
	}
	return tableLock{}, false
}

// ancestors are the processes above one, the nearest first.
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
