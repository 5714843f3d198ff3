//go:build unix

package fileevent

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const openFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK

// names returns how many names the file has.
func names(info fs.FileInfo) uint64 {
	return uint64(info.Sys().(*syscall.Stat_t).Nlink)
}

// inherit gives the file the owner and group of the directory, as far as we
// may, and the mode, so that what root makes in a user's directory is of use to
// the user. It works on an open file because a path could be made to name
// another file meanwhile.
//
// Its failure is none of ours: there are file systems without owners or modes,
// and whoever is locked out by what we may not change is told so when it opens
// the file.
func inherit(f *os.File, parent fs.FileInfo, mode fs.FileMode) {
	st := parent.Sys().(*syscall.Stat_t)
	if f.Chown(int(st.Uid), int(st.Gid)) != nil {
		f.Chown(-1, int(st.Gid))
	}
	f.Chmod(mode) // last, since a change of owner takes bits away
}

// inheritDir gives the new, empty directory the owner, group and mode of its
// parent.
func inheritDir(path string, parent fs.FileInfo) error {
	f, err := os.OpenFile(path, unix.O_DIRECTORY|openFlags, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if names, _ := f.Readdirnames(1); len(names) > 0 {
		// Not the one that we made: somebody has moved another there and would
		// have it opened to them.
		return &fs.PathError{Op: "mkdir", Path: path, Err: unix.ENOTEMPTY}
	}
	inherit(f, parent, parent.Mode()&(fs.ModePerm|fs.ModeSticky|fs.ModeSetgid))
	return nil
}
