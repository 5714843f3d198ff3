package child

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroupRoom returns how many more processes and threads the control groups of this
// process permit, and the limit (pids.max) of the group that permits fewest. If no limit
// can be read, both are more than any process needs.
func cgroupRoom() (left, limit uint64) {
	const plenty = 1 << 30
	left, limit = plenty, plenty
	for _, dir := range cgroupsIn(readSmall("/proc/self/cgroup")) {
		most, err := strconv.ParseUint(readSmall(dir+"/pids.max"), 10, 32)
		if err != nil { // the text is "max", or there is no file
			continue
		}
		now, err := strconv.ParseUint(readSmall(dir+"/pids.current"), 10, 32)
		if rest := most - min(now, most); err == nil && rest < left {
			left, limit = rest, most
		}
	}
	return left, limit
}

const cgroupRoot = "/sys/fs/cgroup"

// cgroupsIn returns the directories of the control groups in a text of /proc/self/cgroup
// that can have a limit of processes, with all groups above them. In a container the text
// may have the path on the host, but our group is at the root.
func cgroupsIn(text string) (dirs []string) {
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3) // 0::/group, or 4:pids:/group
		if len(fields) != 3 {
			continue
		}
		root := cgroupRoot
		switch fields[1] {
		case "": // version 2
		case "pids":
			root += "/pids"
		default:
			continue
		}
		for dir := path.Clean("/" + fields[2]); dir != "/"; dir = path.Dir(dir) {
			dirs = append(dirs, root+dir)
		}
		dirs = append(dirs, root)
	}
	return dirs
}

// readSmall returns the content of a small file of the kernel, without the newline. It
// needs no thread, unlike package os.
func readSmall(name string) string {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var text [2048]byte
	n, _ := unix.Read(fd, text[:])
	return strings.TrimSpace(string(text[:max(n, 0)]))
}
