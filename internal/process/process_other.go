//go:build !linux

package process

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"time"
)

var born = time.Now().UTC().Format(time.RFC3339Nano)

// start returns when a process was started, and whether the process may exist. The time is
// known only for this process.
func start(pid int) (text string, alive bool) {
	if pid == os.Getpid() {
		return born, true
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return "", errors.Is(err, fs.ErrPermission)
	}
	defer p.Release()
	if runtime.GOOS == "windows" {
		return "", true // FindProcess has opened the process
	}
	return "", !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

func ownStart() string { return born }

// Boots and PID namespaces are known only on Linux.
func boot() string      { return "" }
func namespace() string { return "" }
func hasOwnProc() bool  { return true }
