//go:build unix && !linux

package child

import (
	"os"
	"syscall"
)

// Say writes a message. Package os would end this process by SIGPIPE if nobody
// reads it any more (os/signal), and with it the care for the command.
func Say(f *os.File, text string) { syscall.Write(int(f.Fd()), []byte(text)) }
