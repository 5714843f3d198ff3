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

// A family is the command and all its descendants, in whatever process group or
// session. While a command with a limit runs, this process is a subreaper: the
// kernel makes it the parent of orphans, so every descendant stays below it.
//
// Children that this process had before, and their descendants, are not in the
// family. There are some if a shell with background processes executed this
// program (exec). Their orphans are recognized by their process group.
type family struct {
	before map[int]uint64 // the start times of earlier children, by PID
	groups map[int]bool   // the process groups of earlier children
	known  bool           // /proc shows processes
}

// graceOfStop is how long one that forks and ends all the time is chased.
const graceOfStop = time.Second

// A member is a process of the family.
type member struct {
	pid, parent, group int
	ended              bool   // with all its threads
	start              uint64 // start time; unique together with the PID
	name               string
}

// found makes this process a subreaper and begins a family.
func found() *family {
	f := &family{before: map[int]uint64{}, groups: map[int]bool{}}
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	all, err := processes()
	f.known = err == nil
	for _, m := range all {
		if m.parent == os.Getpid() {
			f.before[m.pid], f.groups[m.group] = m.start, true
		}
	}
	return f
}

// living returns the members that have not ended. command is the PID of the
// command, which has its own process group if apart is true.
func (f *family) living(command int, apart bool) (list []member, err error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	children := map[int][]member{}
	for _, m := range all {
		children[m.parent] = append(children[m.parent], m)
	}
	queue := children[os.Getpid()]
	for top := len(queue); len(queue) > 0; top-- {
		m := queue[0]
		queue = queue[1:]
		if top > 0 && (f.wasBefore(m) || apart && m.group != command && f.groups[m.group] || isSentry(m.pid)) {
			continue
		}
		if !m.ended {
			list = append(list, m)
		}
		queue = append(queue, children[m.pid]...)
	}
	return list, nil
}

func (f *family) wasBefore(m member) bool {
	start, was := f.before[m.pid]
	return was && start == m.start
}

// signal sends a signal to all members. It stops them first, and looks again until
// it finds no new ones, so that no member can start a process that is missed.
// Processes that are started later, such as by a handler of TERM, get no signal.
func (f *family) signal(command int, apart bool, sig syscall.Signal) error {
	stopped := map[int]uint64{}
	var met []member
	end := time.Now().Add(graceOfStop)
	for more := true; more && time.Now().Before(end); {
		more = false
		list, err := f.living(command, apart)
		if err != nil {
			return err
		}
		for _, m := range list {
			if start, was := stopped[m.pid]; was && start == m.start {
				continue
			}
			stopped[m.pid] = m.start
			met, more = append(met, m), true
			m.signal(unix.SIGSTOP)
		}
	}
	for _, m := range met {
		m.signal(sig)
	}
	if sig != unix.SIGKILL {
		for i := range met { // children first: a parent that continues finds them running
			met[len(met)-1-i].signal(unix.SIGCONT)
		}
	}
	return nil
}

// signal sends a signal to the member, but not to another process that has got its
// PID meanwhile.
func (m member) signal(sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(m.pid, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	now, known := lookAt(m.pid)
	switch {
	case !known || now.start != m.start:
		return unix.ESRCH
	case err != nil: // an old kernel
		return unix.Kill(m.pid, sig)
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// processes returns all processes. It fails if /proc is not that of this process's
// PID namespace.
//
// A process that forks and ends all the time has ended when the list of all is
// read. But its latest child is the child of a process on the list, or has become a
// child of this process. So the children of this process, which can be read fast,
// are read until a living one is found that is not on the list, or all are on it.
func processes() ([]member, error) {
	all, err := listed()
	if err != nil {
		return nil, err
	}
	known := map[int]bool{}
	for _, m := range all {
		known[m.pid] = true
	}
	for missed := true; missed; {
		missed = false
		for _, pid := range given() {
			if known[pid] {
				continue
			}
			known[pid], missed = true, true
			if m, there := lookAt(pid); there && !m.ended {
				return append(all, m), nil
			}
		}
	}
	return all, nil
}

// given are the children that the main thread of this process has, among them
// all orphans; none where the kernel does not tell.
func given() (list []int) {
	text, _ := os.ReadFile("/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/children")
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			list = append(list, pid)
		}
	}
	return list
}

// listed are the processes that /proc lists.
func listed() ([]member, error) {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return nil, errors.Join(errors.ErrUnsupported, err)
	}
	pids, err := proc.List()
	if err != nil {
		return nil, err
	}
	var all []member
	for _, pid := range pids {
		if m, known := lookAt(pid); known {
			all = append(all, m)
		}
	}
	return all, nil
}

// lookAt asks the kernel for a process.
func lookAt(pid int) (member, bool) {
	s, known := proc.StatOf(pid)
	// Of a zombie with threads only the main thread has ended (pthread_exit(3)).
	ended := s.State == 'X' || s.State == 'Z' && s.Threads < 2
	return member{pid: pid, parent: s.Parent, group: s.Group, ended: ended, start: s.Start, name: s.Name}, known
}

// reap waits for ended orphans. When it meets the ended command it stops, because
// process.wait waits for that; orphans after it stay until this process ends.
func reap(command int) {
	for {
		var info unix.Siginfo
		if unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) != nil {
			return
		}
		pid := pidIn(&info)
		if pid == 0 || pid == command || isSentry(pid) {
			return
		}
		unix.Wait4(pid, nil, unix.WNOHANG, nil)
	}
}

// pidIn returns si_pid, which is at the start of the union, after three integers.
func pidIn(info *unix.Siginfo) int {
	const word = unsafe.Sizeof(uintptr(0))
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), (12+word-1)/word*word)))
}
