//go:build unix && !linux

package cli

import (
	"os"
	"syscall"
)

// Say writes a text. It does not use package os, which would end this process by
// SIGPIPE if the pipe is closed (os/signal), while its command runs.
func Say(f *os.File, text string) { syscall.Write(int(f.Fd()), []byte(text)) }
