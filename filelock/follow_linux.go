package filelock

import (
	"cmp"
	"os"

	"golang.org/x/sys/unix"
)

// isPrivateGroup reports whether the group has nobody in it but this process's
// user, or root. Most distributions give a user a group of the same number, and
// let it write to what the user makes.
func isPrivateGroup(gid uint32) bool { return gid == 0 || int(gid) == os.Geteuid() }

// hasACL reports whether the directory has an access control list, the mask of
// which its mode shows as the permissions of its group (acl(5)).
func hasACL(dir string) bool {
	n, err := unix.Getxattr(dir, "system.posix_acl_access", nil)
	return err == nil && n > 0
}

// isProcess reports whether the directory is one in /proc. Its links lead to
// what a process has open, and not to what they say; nobody can put one there.
func isProcess(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(cmp.Or(dir, "."), &st) == nil && int64(st.Type) == unix.PROC_SUPER_MAGIC
}
