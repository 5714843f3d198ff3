//go:build darwin || dragonfly || freebsd || openbsd

package fskind

import (
	"strings"

	"golang.org/x/sys/unix"
)

// kinds has the names in statfs(2) of file systems that do not report all changes.
var kinds = map[string]Kind{}

func init() {
	for _, name := range []string{
		"nfs", "oldnfs", "smbfs", "webdav", "afpfs", "ftp", "cifs", "ncpfs", "lifs",
		"9p", "p9fs", "virtiofs", "vboxvfs", "vmhgfs", "acfs", "coda", "afs",
		"osxfuse", "macfuse", "fuse", "fusefs",
	} {
		kinds[name] = network(name)
	}
	for _, name := range []string{"nullfs", "unionfs", "procfs", "linprocfs", "linsysfs"} {
		kinds[name] = silent(name)
	}
}

func kindOf(st *unix.Statfs_t) Kind {
	name := fsType(st)
	if strings.HasPrefix(name, "fusefs.") || strings.HasPrefix(name, "macfuse_") || strings.HasPrefix(name, "osxfuse_") {
		return network(name)
	}
	return kinds[name]
}
