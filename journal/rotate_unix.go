//go:build unix

package journal

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// rotate makes the journal PATH.1, and an empty file in its place. The caller
// has locked it.
//
// The journal gets its second name before the new file takes the first one: so
// at every moment there is a file at PATH, and nobody makes another one there,
// which would be its owner's alone. Whoever waits for the lock meanwhile finds
// that PATH is another file, and goes on to that.
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

// moveAway gives the journal its second name. Where a file has one name only,
// on FAT for instance, it loses the first one for a moment.
func moveAway(path, to string) error {
	if info, err := os.Lstat(to); err == nil && !info.IsDir() { // os.Remove would take an empty one
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

// successor makes an empty file that nobody but its owner can open, and then
// gives it what the journal has. What a writer that was killed has left is made
// anew.
func successor(path string) (name string, err error) {
	old, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if errors.Is(err, fs.ErrPermission) { // it may be only written to
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

// bequeath gives a new file the owner, the group, the access control list and
// the mode of another, in this order: nobody is let in before the file has the
// owner and the group for which the mode is meant.
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
		mode &^= 0o070 // which may be the mask of a list
	}
	if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil { // only root gives files away
		if err := f.Chown(-1, int(st.Gid)); err != nil { // it is another group
			if list != nil {
				mode &^= 0o070
			}
			mode, list = mode&^0o070|mode&(mode<<3)&0o070, nil // what others may, too
		}
	}
	if err := dropList(f); err != nil {
		return nil // for its owner alone, as it was made
	}
	switch {
	case list == nil:
		return f.Chmod(mode)
	case writeList(f, list) != nil:
		return f.Chmod(mode &^ 0o070)
	}
	return nil // the mode is in the list
}
