//go:build unix && !linux

package sidecar

import (
	"os"
	"syscall"
)

// inheritACL does nothing: it knows no ACLs here.
func inheritACL(*os.File, string, *syscall.Stat_t, uint16, uint16) bool { return false }
