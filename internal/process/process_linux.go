package process

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// InitialNamespace is the PID namespace that sees all processes of a machine
// (PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h).
const InitialNamespace = "4026531836"

// Stat is what the kernel shows of a process (proc_pid_stat(5)).
type Stat struct {
	Name          string
	State         byte
	Parent, Group int
	Threads       int
	Start         uint64 // in clock ticks since the boot
}

// StatOf returns the Stat of a process, and false if there is no such process.
func StatOf(pid int) (Stat, bool) { return statIn(dir(pid)) }

func dir(pid int) string { return "/proc/" + strconv.Itoa(pid) }

// self is the directory of this process. It is right even if /proc shows another PID
// namespace, in which this process has another PID.
const self = "/proc/self"

func statIn(dir string) (s Stat, ok bool) {
	text, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return Stat{}, false
	}
	return parseStat(string(text))
}

func parseStat(text string) (s Stat, ok bool) {
	// 4242 (name, which may contain spaces and parentheses) S 1 ...
	from, to := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if from < 0 || to < from {
		return Stat{}, false
	}
	f := strings.Fields(text[to+1:]) // from the third field on
	if len(f) < 20 {
		return Stat{}, false
	}
	s.Name, s.State = text[from+1:to], f[0][0]
	var errs [4]error
	s.Parent, errs[0] = strconv.Atoi(f[1])
	s.Group, errs[1] = strconv.Atoi(f[2])
	s.Threads, errs[2] = strconv.Atoi(f[17])
	s.Start, errs[3] = strconv.ParseUint(f[19], 10, 64)
	if errs != [4]error{} {
		return Stat{}, false
	}
	return s, true
}

// start returns when a process was started, in clock ticks since the boot, and whether the
// process may exist. The time is empty if it is not known.
func start(pid int) (text string, alive bool) {
	if s, ok := StatOf(pid); ok {
		return strconv.FormatUint(s.Start, 10), true
	}
	_, works := statIn(self)
	return "", !works // without /proc, the process may exist
}

// ownStart returns when this process was started.
func ownStart() string {
	if s, ok := statIn(self); ok {
		return strconv.FormatUint(s.Start, 10)
	}
	return ""
}

func boot() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}

func namespace() string {
	ns, _ := os.Readlink(self + "/ns/pid") // pid:[4026531836]
	return strings.TrimSuffix(strings.TrimPrefix(ns, "pid:["), "]")
}

// hasOwnProc reports whether /proc, if it exists, shows the PID namespace of this
// process. After unshare --pid without --mount-proc it shows the outer namespace.
var hasOwnProc = sync.OnceValue(func() bool {
	me, err := os.Readlink(self)
	return err != nil || me == strconv.Itoa(os.Getpid())
})

// Wrote reports whether the process with this PID, in the PID namespace that /proc shows
// here, wrote the record. The process may have ended since.
func (r Record) Wrote(pid int) bool {
	if r.Boot != Self().Boot {
		return false
	}
	start, alive := start(pid)
	if alive && start != r.Start {
		return false
	}
	if r.IsVisible() {
		return pid == r.PID
	}
	return !alive || innermost(pid) == strconv.Itoa(r.PID)
}

// innermost returns the PID of a process in its own PID namespace.
func innermost(pid int) string {
	status, _ := os.ReadFile(dir(pid) + "/status")
	return innermostIn(string(status))
}

func innermostIn(status string) string {
	for line := range strings.Lines(status) {
		if pids, ok := strings.CutPrefix(line, "NSpid:"); ok {
			if f := strings.Fields(pids); len(f) > 0 {
				return f[len(f)-1]
			}
		}
	}
	return ""
}

// List returns the IDs of the processes that /proc shows.
func List() (pids []int, err error) {
	names, err := namesIn("/proc")
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// Descriptors returns the numbers of the open descriptors of a process: the names in
// /proc/PID/fd.
func Descriptors(pid int) ([]string, error) { return namesIn(dir(pid) + "/fd") }

// IsHidden reports whether the process exists but may not be inspected.
func IsHidden(pid int) bool {
	_, err := Descriptors(pid)
	return errors.Is(err, fs.ErrPermission)
}

func namesIn(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// Ancestors returns the ancestors of a process, the nearest first.
func Ancestors(pid int) (list []int) {
	for {
		s, ok := StatOf(pid)
		if !ok || s.Parent <= 0 || slices.Contains(list, s.Parent) {
			return list
		}
		list = append(list, s.Parent)
		pid = s.Parent
	}
}

// CommandLine returns the command line of a process, joined by spaces.
func CommandLine(pid int) string {
	line, _ := os.ReadFile(dir(pid) + "/cmdline")
	return strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
}
