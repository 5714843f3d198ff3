package filelock

import (
	"cmp"
	"os"

	"github.com/fsync-lock/fsync/internal/acl"
	"golang.org/x/sys/unix"
)

// isPrivateGroup reports whether only this process's user, or root, is in the group. Most
// distributions give each user a group with the same number as the user, and let that
// group write to the user's files.
func isPrivateGroup(gid uint32) bool { return gid == 0 || int(gid) == os.Geteuid() }

// hasACL reports whether the directory has an access control list. Its mode then
// shows the mask of the list in the place of the group's permissions (acl(5)).
func hasACL(dir string) bool {
	n, err := unix.Getxattr(dir, acl.Attribute, nil)
	return err == nil && n > 0
}

// isProcess reports whether the directory is in /proc. The links there lead to the open
// files of a process, whatever the text of a link is, and no user can create a link there.
func isProcess(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(cmp.Or(dir, "."), &st) == nil && int64(st.Type) == unix.PROC_SUPER_MAGIC
}
