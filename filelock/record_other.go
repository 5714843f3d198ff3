//go:build !linux

package filelock

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"time"
)

var born = time.Now().UTC().Format(time.RFC3339Nano)

// system returns when this process was started. Boots and PID namespaces are known
// only on Linux.
func system() (start, boot, pidns string) { return born, "", "" }

func ownProc() bool { return true }

// processStart returns when a process was started, which is known only for this
// one, and whether the process may exist.
func processStart(pid int) (start string, alive bool) {
	if pid == os.Getpid() {
		return born, true
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return "", errors.Is(err, fs.ErrPermission)
	}
	defer p.Release()
	if runtime.GOOS == "windows" {
		return "", true // FindProcess has opened it
	}
	return "", !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
