//go:build unix

package filelock

import (
	"cmp"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// distrustLink says why somebody else may have put the symbolic link there;
// empty = nobody else can have done so. In a sticky directory others may make
// links, which are theirs, or give second names to links that are not.
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

// openToOthers reports whether others may make files in the directory.
func openToOthers(dir string, st unix.Stat_t) bool {
	switch mode := uint32(st.Mode); {
	case mode&unix.S_IWOTH != 0:
		return true
	case mode&unix.S_IWGRP != 0:
		return !isPrivateGroup(st.Gid) || hasACL(dir)
	}
	return false
}
