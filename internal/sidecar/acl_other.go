//go:build unix && !linux

package sidecar

import (
	"os"
	"syscall"
)

// inheritACL does nothing: it knows no ACLs here.
func inheritACL(*os.File, string, *syscall.Stat_t) bool { return false }
