//go:build darwin || dragonfly || freebsd || openbsd

package fskind

import (
	"strings"

	"golang.org/x/sys/unix"
)

// kinds are the names in statfs(2) of file systems that do not report all changes.
var kinds = map[string]Kind{
	"nfs": {}, "oldnfs": {}, "smbfs": {}, "webdav": {}, "afpfs": {}, "ftp": {}, "cifs": {}, "ncpfs": {}, "lifs": {},
	"9p": {}, "p9fs": {}, "virtiofs": {}, "vboxvfs": {}, "vmhgfs": {}, "acfs": {}, "coda": {}, "afs": {},
	"osxfuse": {}, "macfuse": {}, "fuse": {}, "fusefs": {},
}

func init() {
	for name := range kinds {
		kinds[name] = network(name)
	}
	for _, name := range []string{"nullfs", "unionfs", "procfs", "linprocfs", "linsysfs"} {
		kinds[name] = silent(name)
	}
}

// Of returns the kind of the file system that a path is on.
func Of(dir string) Kind {
	return kindOf(func(st *unix.Statfs_t) error { return unix.Statfs(dir, st) })
}

// OfDescriptor returns the kind of the file system that an open file is on.
func OfDescriptor(fd int) Kind {
	return kindOf(func(st *unix.Statfs_t) error { return unix.Fstatfs(fd, st) })
}

func kindOf(statfs func(*unix.Statfs_t) error) Kind {
	var st unix.Statfs_t
	for {
		err := statfs(&st)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return Kind{}
		}
	}
	name := fsType(&st)
	if strings.HasPrefix(name, "fusefs.") || strings.HasPrefix(name, "macfuse_") || strings.HasPrefix(name, "osxfuse_") {
		return network(name)
	}
	return kinds[name]
}
