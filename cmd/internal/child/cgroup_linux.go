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
	for line := range strings.Lines(readSmall("/proc/self/cgroup")) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(line, ":")
		root := "/sys/fs/cgroup"
		switch controllers {
		case "": // version 2
		case "pids":
			root += "/pids"
		default:
			continue
		}
		// In a container the path may be the one on the host, but our group is at the root.
		for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
			most, err := strconv.ParseUint(readSmall(root+dir+"/pids.max"), 10, 32)
			if err == nil { // otherwise the text is "max", or there is no file
				now, err := strconv.ParseUint(readSmall(root+dir+"/pids.current"), 10, 32)
				if rest := most - min(now, most); err == nil && rest < left {
					left, limit = rest, most
				}
			}
			if dir == "/" {
				break
			}
		}
	}
	return left, limit
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
