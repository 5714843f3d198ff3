//go:build unix

package fileevent

import "syscall"

// stop and goOn are what SIGSTOP and SIGCONT do.
const stop, goOn = syscall.SIGSTOP, syscall.SIGCONT
