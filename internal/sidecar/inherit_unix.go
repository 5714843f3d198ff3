//go:build unix

package sidecar

import (
	"io/fs"
	"os"
	"syscall"

	"github.com/fsync-lock/fsync/internal/acl"
	"github.com/fsync-lock/fsync/internal/file"
	"golang.org/x/sys/unix"
)

// inherit gives a new, empty directory the ACL or mode of its parent, dir, and the parent's
// owner and group if this process may change them. So a user can use a sidecar that root has
// made in the user's directory. The sidecar has no sticky bit: each user with write
// permission for it may replace the files of others.
//
// inherit opens the directory and changes the open one, because the path could lead to
// another directory a moment later. The directory begins with mode 0700, so at no time has a
// user more permissions than in the end.
//
// Errors are ignored: some file systems have no owners or modes, and a user who lacks a
// permission gets an error when using the sidecar.
func inherit(path, dir string, parent fs.FileInfo) error {
	f, err := os.OpenFile(path, unix.O_DIRECTORY|file.Flags, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if names, _ := f.Readdirnames(1); len(names) > 0 {
		// This is not the new directory. Another user has moved it here, to get permissions
		// for it.
		return &fs.PathError{Op: "mkdir", Path: path, Err: unix.ENOTEMPTY}
	}
	st := parent.Sys().(*syscall.Stat_t)
	sameGroup := f.Chown(int(st.Uid), int(st.Gid)) == nil || f.Chown(-1, int(st.Gid)) == nil
	mode := parent.Mode().Perm()
	if acl.Inherit(f, dir, st) {
		if info, err := f.Stat(); err == nil {
			mode = info.Mode().Perm() // as the ACL has set it
		}
	} else if !sameGroup { // for the parent, this group is among the others
		mode = mode&^0o070 | mode&0o007<<3
	}
	f.Chmod(mode | parent.Mode()&fs.ModeSetgid) // last, because a change of owner clears bits
	return nil
}
