//go:build unix && !linux

package cli

import (
	"os"
	"syscall"
)

// Say writes a text, and ignores errors. It does not use package os: if the pipe is
// closed, package os would end this process by SIGPIPE while its command runs.
func Say(f *os.File, text string) { syscall.Write(int(f.Fd()), []byte(text)) }
