//go:build unix

package journal

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// rotate renames the journal to PATH.1 and puts an empty file in its place. The
// caller holds the lock of the journal.
//
// It links PATH.1 to the journal before it renames the new file to PATH, so PATH
// exists at every moment. Otherwise another writer could make a file there, with
// the default permissions. A writer that waits for the lock meanwhile notices that
// PATH is another file, and waits for that one.
func rotate(path string) error {
	next, err := successor(path)
	if err != nil {
		return err
	}
	if err = moveAway(path, path+".1"); err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		os.Remove(next)
	}
	return err
}

// moveAway gives the journal its second name. On a file system without hard links,
// such as FAT, it renames the file, so PATH is missing for a moment.
func moveAway(path, to string) error {
	if info, err := os.Lstat(to); err == nil && !info.IsDir() { // os.Remove would remove an empty directory
		if err := os.Remove(to); err != nil {
			return err
		}
	}
	err := os.Link(path, to)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(path, to)
}

// successor makes an empty file that only its owner can open, and then gives it the
// permissions of the journal. It first removes a file that a killed writer left.
func successor(path string) (name string, err error) {
	old, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if errors.Is(err, fs.ErrPermission) { // this process may be allowed to write, but not to read
		old, err = os.OpenFile(path, os.O_WRONLY|openFlags, 0)
	}
	if err != nil {
		return "", err
	}
	defer old.Close()
	name = path + ".new"
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, 0o600)
	if err != nil {
		return "", err
	}
	err = bequeath(f, old)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(name)
	}
	return name, err
}

// bequeath gives a new file the owner, the group, the access control list and the
// mode of another, in this order: the mode opens the file to users only when it
// has the owner and the group for which the mode is meant.
func bequeath(f, from *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	mode := info.Mode().Perm()
	list, err := readList(from)
	if err != nil {
		mode &^= 0o070 // with a list, these bits are its mask
	}
	if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil { // only root may change the owner
		if err := f.Chown(-1, int(st.Gid)); err != nil { // the file stays in another group
			if list != nil {
				mode &^= 0o070
			}
			mode, list = mode&^0o070|mode&(mode<<3)&0o070, nil // at most the bits of other users
		}
	}
	if err := dropList(f); err != nil {
		return nil // the file stays open to its owner only
	}
	switch {
	case list == nil:
		return f.Chmod(mode)
	case writeList(f, list) != nil:
		return f.Chmod(mode &^ 0o070)
	}
	return nil // the list contains the mode
}
