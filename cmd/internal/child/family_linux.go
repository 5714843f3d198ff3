package child

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A family is all that a command has started, and what that has started, in
// whatever process group or session. The kernel gives orphans to the nearest
// subreaper among their ancestors, which this process is while a command of
// limited time runs: so every one of them stays below this process.
//
// Not of the family are the children that this process had before, as after an
// exec by a shell that has something in the background, and what those start.
// An orphan of theirs is known by its process group.
type family struct {
	before map[int]uint64 // the start times of the children of before, by PID
	groups map[int]bool   // their process groups
	known  bool           // /proc shows processes
}

// A member is a process of the family.
type member struct {
	pid, parent, group int
	state              byte
	start              uint64 // with the PID it is unique
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

// living returns those of the family that have not ended. Command is the PID of
// the command, and in a group of its own if it is apart.
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
		if m.state != 'Z' && m.state != 'X' {
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

// signal sends a signal to all of the family. It stops them first, until there
// are none but stopped ones, so that none can start another that is not met.
// Those that are started later, such as by a handler of TERM, are not met.
func (f *family) signal(command int, apart bool, sig syscall.Signal) error {
	stopped := map[int]uint64{}
	var met []member
	for more := true; more; {
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
		for i := range met { // a parent that heeds this at once finds its children running
			met[len(met)-1-i].signal(unix.SIGCONT)
		}
	}
	return nil
}

// signal sends a signal to this process and to no other that has got its PID
// meanwhile.
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

// processes returns all processes, or an error where /proc is not that of this
// process.
func processes() ([]member, error) {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return nil, errors.Join(errors.ErrUnsupported, err)
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []member
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if m, known := lookAt(pid); known {
				all = append(all, m)
			}
		}
	}
	return all, nil
}

// lookAt reads /proc/PID/stat.
func lookAt(pid int) (member, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return member{}, false
	}
	from, to := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if from < 0 || to < from {
		return member{}, false
	}
	fields := strings.Fields(string(text[to+1:]))
	if len(fields) < 20 {
		return member{}, false
	}
	m := member{pid: pid, name: string(text[from+1 : to]), state: fields[0][0]}
	m.parent, _ = strconv.Atoi(fields[1])
	m.group, _ = strconv.Atoi(fields[2])
	m.start, _ = strconv.ParseUint(fields[19], 10, 64)
	return m, true
}

// reap buries the orphans that this process was given. The command's end is for
// who waits for that: it stays, and so do those behind it, until this process
// ends.
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

// pidIn returns si_pid, which stands behind three numbers, where the union
// begins.
func pidIn(info *unix.Siginfo) int {
	const word = unsafe.Sizeof(uintptr(0))
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), (12+word-1)/word*word)))
}
