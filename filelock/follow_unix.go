//go:build unix

package filelock

import (
	"cmp"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// distrustLink returns the reason why another user may have created the symbolic link;
// empty if no other user can have done so. In a sticky directory, other users can create
// links of their own, and give second names to links of others.
func distrustLink(link, dir string) string {
	var l, d unix.Stat_t
	err := cmp.Or(unix.Lstat(link, &l), unix.Stat(cmp.Or(dir, "."), &d))
	switch open := openToOthers(cmp.Or(dir, "."), d); {
	case err != nil:
		return "it is a symbolic link, and the link or its directory cannot be read: " + err.Error()
	case !mine(l.Uid):
		return fmt.Sprintf("it is a symbolic link of user %d; only links of this user or of root are followed: give the path of the file that it leads to", l.Uid)
	case !mine(d.Uid):
		return fmt.Sprintf("it is a symbolic link in a directory of user %d, who may replace it: give the path of the file that it leads to", d.Uid)
	case open && d.Mode&unix.S_ISVTX == 0, open && l.Nlink > 1:
		return "it is a symbolic link in a directory that others may write to: give the path of the file that it leads to"
	}
	return ""
}

func mine(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }

// openToOthers reports whether other users may create files in the directory.
func openToOthers(dir string, st unix.Stat_t) bool {
	switch mode := uint32(st.Mode); {
	case mode&unix.S_IWOTH != 0:
		return true
	case mode&unix.S_IWGRP != 0:
		return !isPrivateGroup(st.Gid) || hasACL(dir)
	}
	return false
}
