//go:build unix

package child

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// SignalName returns the name that kill(1) has for a signal; empty for 0.
func SignalName(sig syscall.Signal) string {
	name := strings.TrimPrefix(unix.SignalName(sig), "SIG")
	if name == "" && sig > 0 {
		name = strconv.Itoa(int(sig)) // a real-time signal
	}
	return name
}
