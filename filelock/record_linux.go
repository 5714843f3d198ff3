package filelock

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// initPIDNS is the PID namespace that sees all processes of a machine
// (PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h).
const initPIDNS = "4026531836"

// system returns the start of this process, the boot of this machine and the PID
// namespace of this process.
func system() (start, boot, pidns string) {
	if f := processStat("self"); len(f) >= 20 {
		start = f[19]
	}
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	ns, _ := os.Readlink("/proc/self/ns/pid") // pid:[4026531836]
	return start, strings.TrimSpace(string(id)), strings.TrimSuffix(strings.TrimPrefix(ns, "pid:["), "]")
}

// ownProc reports whether /proc, if it exists, has the process IDs of this process's
// own PID namespace. After unshare --pid without --mount-proc it has those of the
// outer namespace.
var ownProc = sync.OnceValue(func() bool {
	me, err := os.Readlink("/proc/self")
	return err != nil || me == strconv.Itoa(os.Getpid())
})

// processStart returns when a process was started, in clock ticks since the boot,
// and whether the process may exist.
func processStart(pid int) (start string, alive bool) {
	f := processStat(strconv.Itoa(pid))
	if f == nil {
		return "", processStat("self") == nil // without /proc it may exist
	}
	if len(f) < 20 {
		return "", true
	}
	return f[19], true // field 22 of proc_pid_stat(5)
}

// processStat returns the fields of proc_pid_stat(5) from the third one on; nil if
// there is no such process. The second field is the command in parentheses, which
// may itself contain spaces and parentheses.
func processStat(pid string) []string {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil
	}
	return append([]string{}, strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))...)
}

// isLocal reports whether this process could see the writer of the record if it
// still ran.
func (r record) isLocal() bool {
	return r.Boot == self().Boot && r.PIDNS == self().PIDNS && ownProc()
}

// tellsOf reports whether the record is that of the hold that the kernel shows, and
// not one left by an earlier hold. An exclusive hold has one taker. If the taker is
// dead, the kernel shows none outside the initial PID namespace.
func (r record) tellsOf(took map[int]Holder) bool {
	switch len(took) {
	case 0:
		_, alive := processStart(r.PID)
		return r.isLocal() && !alive
	case 1:
		for pid := range took {
			return r.wrote(pid)
		}
	}
	return false
}

// wrote reports whether the taker, the process that took the lock according to the
// kernel, wrote the record.
func (r record) wrote(taker int) bool {
	if r.Boot != self().Boot {
		return false
	}
	start, alive := processStart(taker)
	if alive && start != r.Start {
		return false
	}
	if r.isLocal() {
		return taker == r.PID
	}
	return !alive || innermostPID(taker) == fmt.Sprint(r.PID)
}

// innermostPID returns the PID of a process in its own PID namespace.
func innermostPID(pid int) string {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if pids, ok := strings.CutPrefix(line, "NSpid:"); ok {
			f := strings.Fields(pids)
			return f[len(f)-1]
		}
	}
	return ""
}
