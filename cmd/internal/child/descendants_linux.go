package child

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	proc "github.com/fsync-lock/fsync/internal/process"
)

// descendants are the command and all its descendants, in whatever process group or
// session. While a command with a limit runs, this process is a subreaper: the
// kernel makes it the parent of orphans, so every descendant stays below it.
//
// This process may have children that are older than the command, if a shell with
// background processes became this program (exec). They do not count, nor do their
// descendants. Their orphans are recognized by their process group.
type descendants struct {
	command  int            // the PID of the command
	ownGroup bool           // the command has a process group of its own
	before   map[int]uint64 // the start times of earlier children, by PID
	groups   map[int]bool   // the process groups of earlier children
	known    bool           // /proc shows processes
}

// graceOfStop limits the time to stop descendants that start others all the time.
const graceOfStop = time.Second

// A task is a process that /proc shows.
type task struct {
	pid, parent, group int
	ended              bool   // all its threads have ended
	start              uint64 // start time; unique together with the PID
	name               string
}

// adoptDescendants makes this process a subreaper. It is called before the command
// starts.
func adoptDescendants(ownGroup bool) *descendants {
	d := &descendants{ownGroup: ownGroup, before: map[int]uint64{}, groups: map[int]bool{}}
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	all, err := processes()
	d.known = err == nil
	for _, t := range all {
		if t.parent == os.Getpid() {
			d.before[t.pid], d.groups[t.group] = t.start, true
		}
	}
	return d
}

// living returns the command and its descendants that have not ended.
func (d *descendants) living() (list []task, err error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	children := map[int][]task{}
	for _, t := range all {
		children[t.parent] = append(children[t.parent], t)
	}
	queue := children[os.Getpid()]
	for own := len(queue); len(queue) > 0; own-- { // own counts the children of this process that are left
		t := queue[0]
		queue = queue[1:]
		if own > 0 && d.isForeign(t) {
			continue
		}
		if !t.ended {
			list = append(list, t)
		}
		queue = append(queue, children[t.pid]...)
	}
	return list, nil
}

// isForeign reports whether a child of this process is neither the command nor an
// orphan of it.
func (d *descendants) isForeign(t task) bool {
	start, was := d.before[t.pid]
	return was && start == t.start || d.ownGroup && t.group != d.command && d.groups[t.group] || isProbe(t.pid)
}

// signal sends a signal to the command and its descendants. First it stops them, and
// repeats that until it finds no new ones, so that none can start a process unseen.
// Processes that start later, such as from a handler of TERM, get no signal.
func (d *descendants) signal(sig syscall.Signal) error {
	stopped := map[int]uint64{}
	var met []task
	end := time.Now().Add(graceOfStop)
	for more := true; more && time.Now().Before(end); {
		more = false
		list, err := d.living()
		if err != nil {
			return err
		}
		for _, t := range list {
			if start, was := stopped[t.pid]; was && start == t.start {
				continue
			}
			stopped[t.pid] = t.start
			met, more = append(met, t), true
			t.signal(unix.SIGSTOP)
		}
	}
	for _, t := range met {
		t.signal(sig)
	}
	if sig != unix.SIGKILL {
		for i := range met { // children first: a parent that continues finds them running
			met[len(met)-1-i].signal(unix.SIGCONT)
		}
	}
	return nil
}

// signal sends a signal to the process, unless another process meanwhile has its PID.
func (t task) signal(sig syscall.Signal) {
	fd, err := unix.PidfdOpen(t.pid, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	now, known := taskOf(t.pid)
	switch {
	case !known || now.start != t.start:
	case err != nil: // an old kernel
		unix.Kill(t.pid, sig)
	default:
		unix.PidfdSendSignal(fd, sig, nil, 0)
	}
}

// processes returns all processes. It fails if /proc is not that of this process's
// PID namespace.
//
// Processes that fork and end one after the other can be too fast for a reader of the
// whole list. But the latest of them is the child of a process on the list, or an orphan
// and so a child of this process. The children of this process can be read fast. They are
// read until one is found that lives and is not on the list, or until all are on it.
func processes() ([]task, error) {
	all, err := listed()
	if err != nil {
		return nil, err
	}
	known := map[int]bool{}
	for _, t := range all {
		known[t.pid] = true
	}
	for missed := true; missed; {
		missed = false
		for _, pid := range children() {
			if known[pid] {
				continue
			}
			known[pid], missed = true, true
			if t, there := taskOf(pid); there && !t.ended {
				return append(all, t), nil
			}
		}
	}
	return all, nil
}

// children returns the children of this process's main thread, which include all
// orphans; none if the kernel does not tell.
func children() (list []int) {
	text, _ := os.ReadFile("/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/children")
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			list = append(list, pid)
		}
	}
	return list
}

// listed returns the processes that /proc lists.
func listed() ([]task, error) {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return nil, errors.Join(errors.ErrUnsupported, err)
	}
	pids, err := proc.List()
	if err != nil {
		return nil, err
	}
	var all []task
	for _, pid := range pids {
		if t, known := taskOf(pid); known {
			all = append(all, t)
		}
	}
	return all, nil
}

func taskOf(pid int) (task, bool) {
	s, known := proc.StatOf(pid)
	// In a zombie with threads, only the main thread has ended (pthread_exit(3)).
	ended := s.State == 'X' || s.State == 'Z' && s.Threads < 2
	return task{pid: pid, parent: s.Parent, group: s.Group, ended: ended, start: s.Start, name: s.Name}, known
}

// reapOrphans waits for descendants that have become children of this process.
func (d *descendants) reapOrphans(ended <-chan os.Signal) {
	for range ended {
		for d.reapOrphan() {
		}
	}
}

// reapOrphan waits for a child that has ended, and reports whether there may be more.
// It stops when it meets the command, because process.wait waits for the command. Orphans
// that are listed after the command stay zombies until this process ends.
func (d *descendants) reapOrphan() bool {
	var info unix.Siginfo
	if unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) != nil {
		return false
	}
	pid := pidIn(&info)
	if pid == 0 || pid == d.command || isProbe(pid) {
		return false
	}
	unix.Wait4(pid, nil, unix.WNOHANG, nil)
	return true
}

// pidIn returns si_pid, which is at the start of the union, after three integers.
func pidIn(info *unix.Siginfo) int {
	const word = unsafe.Sizeof(uintptr(0))
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), (12+word-1)/word*word)))
}
