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

// system knows neither boots nor PID namespaces here: it is for Linux.
func system() (boot, pidns string) { return "", "" }

// processStart returns when a process was started, which is known of this
// one alone, and whether there may be such a process.
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
		return "", true // it could be opened
	}
	return "", !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
