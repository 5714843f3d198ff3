//go:build unix && !linux

package child

import (
	"os"
	"syscall"
)

// Say writes a message. It does not use package os, which would end this process
// by SIGPIPE if the pipe is closed (os/signal), while the command runs.
func Say(f *os.File, text string) { syscall.Write(int(f.Fd()), []byte(text)) }
