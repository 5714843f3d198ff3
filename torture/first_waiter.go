//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// gatePath returns the path of the gate of a lock.
func gatePath(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".gate")
}

// firstWaiter returns the process that has the gate of a lock, so that other waiters are
// behind it, or nil.
func (r *round) firstWaiter(o object) *process {
	var gate unix.Stat_t
	if unix.Lstat(gatePath(r.path(o)), &gate) != nil {
		return nil
	}
	table, _ := os.ReadFile("/proc/locks")
	pid := holderIn(string(table), gate.Ino)
	for _, p := range r.alive() {
		if p.cmd.Process.Pid == pid {
			return p
		}
	}
	return nil
}

// holderIn returns the process that has locked a file with this inode exclusively, or 0.
func holderIn(table string, inode uint64) (pid int) {
	end := fmt.Sprintf(":%d", inode)
	for line := range strings.Lines(table) { // 1: FLOCK ADVISORY WRITE 4242 fe:00:1234 0 EOF
		if f := strings.Fields(line); len(f) == 8 && f[1] == "FLOCK" && f[3] == "WRITE" && strings.HasSuffix(f[5], end) {
			pid, _ = strconv.Atoi(f[4])
		}
	}
	return pid
}

// behindFirstWaiter stops the first waiter for a lock while f runs.
func (r *round) behindFirstWaiter(o object, f func() error) error {
	p := r.firstWaiter(o)
	if p == nil {
		return errMissed
	}
	err := errMissed
	r.stopWhile(p, func() {
		r.pause(time.Millisecond) // until it is stopped
		if r.firstWaiter(o) == p {
			err = f()
		}
	})
	return err
}
