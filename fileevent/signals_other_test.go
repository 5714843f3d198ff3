//go:build !unix

package fileevent

import "os"

// stop and goOn are what SIGSTOP and SIGCONT do where they exist.
var stop, goOn = os.Interrupt, os.Interrupt
