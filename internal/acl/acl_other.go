//go:build unix && !linux

package acl

import (
	"os"
	"syscall"
)

// Inherit does nothing: this package does not know the lists of these systems.
func Inherit(*os.File, string, *syscall.Stat_t) bool { return false }
