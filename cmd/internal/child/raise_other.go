//go:build unix && !linux

package child

import (
	"os"
	"syscall"
	"time"
)

// raise sends a signal to this process.
func raise(sig syscall.Signal) {
	syscall.Kill(os.Getpid(), sig)
	time.Sleep(time.Second) // the signal comes within this time
}
