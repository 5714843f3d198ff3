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

// system returns when this process was started. It knows neither boots nor PID
// namespaces here: they are for Linux.
func system() (start, boot, pidns string) { return born, "", "" }

func ownProc() bool { return true }

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
