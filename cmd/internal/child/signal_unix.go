//go:build unix

package child

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// SignalName is what kill(1) calls a signal; empty for 0, which is none.
func SignalName(sig syscall.Signal) string {
	name := strings.TrimPrefix(unix.SignalName(sig), "SIG")
	if name == "" && sig > 0 {
		name = strconv.Itoa(int(sig)) // one of the real-time signals
	}
	return name
}
