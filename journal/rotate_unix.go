//go:build unix

package journal

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/fsync-lock/fsync/internal/file"
)

// rotate renames the journal to PATH.1 and puts an empty file in its place. The
// caller holds the lock of the journal.
//
// rotate makes PATH.1 a second name of the journal before it renames the new file to
// PATH. So PATH always exists: otherwise another writer could create it, with the default
// permissions. A writer that waits for the lock notices that PATH is another file now,
// and waits for the lock of that file.
func rotate(path string) error {
	next, err := createNext(path)
	if err != nil {
		return err
	}
	if err = linkOld(path, path+".1"); err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		os.Remove(next)
	}
	return err
}

// linkOld gives the journal a second name, old. On a file system without hard links,
// such as FAT, it renames the journal, so PATH is missing for a moment.
func linkOld(path, old string) error {
	if info, err := file.Lstat(old); err == nil && info.Exists && !info.Mode.IsDir() { // os.Remove would remove an empty directory
		if err := os.Remove(old); err != nil {
			return err
		}
	}
	err := os.Link(path, old)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(path, old)
}

// createNext creates an empty file that only its owner can open, and then gives it the
// permissions of the journal. It first removes a file that a killed writer left.
func createNext(path string) (next string, err error) {
	journal, err := file.Open(path, os.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer journal.Close()
	next = path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL|file.Flags, 0o600)
	if err != nil {
		return "", err
	}
	err = inherit(f, journal)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(next)
	}
	return next, err
}

// inherit gives a new file the owner, the group, the access control list (ACL) and the
// mode of the old file. The ACL and the mode give other users access, so the file must
// have its owner and group before.
func inherit(f, old *os.File) error {
	info, err := old.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	mode := info.Mode().Perm()
	acl, err := readACL(old)
	if err != nil {
		mode &^= 0o070 // with an ACL, these bits are its mask
	}
	if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil { // only root may change the owner
		if err := f.Chown(-1, int(st.Gid)); err != nil { // the file stays in another group
			if acl != nil {
				mode &^= 0o070
			}
			mode, acl = mode&^0o070|mode&(mode<<3)&0o070, nil // at most the bits of other users
		}
	}
	if err := dropACL(f); err != nil {
		return nil // only the owner can open the file
	}
	switch {
	case acl == nil:
		return f.Chmod(mode)
	case writeACL(f, acl) != nil:
		return f.Chmod(mode &^ 0o070)
	}
	return nil // the ACL contains the mode
}
