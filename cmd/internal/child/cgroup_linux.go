package child

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// groupRoom returns how many processes and threads the control groups of this
// process leave to it, and the limit of the narrowest one (pids.max). Where there is
// no limit, or none can be read, that is more than any process needs.
func groupRoom() (left, limit uint64) {
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
		// A container may see its own group at the root, and the path of another.
		for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
			most, err := strconv.ParseUint(readSmall(root+dir+"/pids.max"), 10, 32)
			if err == nil { // else it is "max", or there is none
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

// readSmall returns what is in a small file of the kernel's, without the newline. It
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
