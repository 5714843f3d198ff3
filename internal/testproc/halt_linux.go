package testproc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Halt stops the process with SIGSTOP, and returns when all its threads have stopped, so
// that the process takes no lock after that. goOn continues the process.
func (p *Proc) Halt() (goOn func()) {
	p.t.Helper()
	p.Signal(syscall.SIGSTOP)
	Until(p.t, p.name+": all threads have stopped", func() bool { return IsStopped(p.PID()) })
	return func() { p.Signal(syscall.SIGCONT) }
}

// IsStopped reports whether all threads of a process have stopped.
func IsStopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		stat, _ := os.ReadFile(thread)
		if state := strings.TrimSpace(string(stat[strings.LastIndexByte(string(stat), ')')+1:])); !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return len(threads) > 0
}
