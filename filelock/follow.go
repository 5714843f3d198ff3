package filelock

import (
	"io/fs"
	"path/filepath"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/invalid"
)

// AnyFile permits devices and symbolic links, which flock(1) accepts and a Lock
// refuses without this option.
//
// Device: the lock is on the device node, so two nodes of one device are two
// locks. To open a device may have effects: a tape rewinds, a watchdog starts.
//
// Symbolic link at the end of the path: it is followed only if no other user can
// have put it there. The link and its directory must belong to this process's
// user or to root, and no other user may write in the directory, unless it is
// sticky, as /tmp is. Further links that it leads to must meet the same
// conditions. Any other link is an error that is [fs.ErrInvalid]. The lock is on
// the file at the end, which is created if it is missing. If a link changes
// during a wait, the wait goes on for the new file.
//
// Open file: /dev/fd/9, /dev/stdin and the like are accepted, whatever kind of
// file it is. The kernel opens that file again.
//
// A FIFO given by its name is still refused, because its writers would take this
// process for a reader. A [Semaphore] ignores the option.
func AnyFile() Option { return func(c *config) { c.anyFile = true } }

// A way is where a path leads.
type way struct {
	path string // not a symbolic link, unless open is true
	open bool   // the path is like /dev/fd/9: the kernel opens the file of a descriptor

	through bool // a path like /dev/fd/9 led here
}

// follow follows a path through symbolic links that only this process's user or
// root can have created.
func follow(path string) (to way, err error) {
	end, err := file.Follow(path, func(link, text string) error {
		dir, _ := filepath.Split(link)
		if isProcess(dir) {
			to = opened(link, text)
			return fs.SkipAll
		}
		if why := distrustLink(link, dir); why != "" {
			return &fs.PathError{Op: "open", Path: link, Err: invalid.Error(why)}
		}
		return nil
	})
	if err == nil && !to.through {
		to.path = end
	}
	return to, err
}

// opened returns the path of a file that a process has open, if it has one. Then
// all processes that lock the file use one gate.
func opened(link, path string) way {
	here, err := file.Stat(link)
	if there, lookErr := file.Lstat(path); err == nil && lookErr == nil && filepath.IsAbs(path) &&
		here.Exists && there.Exists && here.ID == there.ID {
		return way{path: path, through: true}
	}
	return way{path: link, open: true, through: true}
}

// gatedPath returns the path of the file to which a path leads. The gate is beside
// that file, so it is the same for all processes, whatever links they follow. The
// path is empty for a device, and for an open file without a name: they have no
// gate.
func gatedPath(path string) (string, error) {
	to, err := follow(path)
	if err != nil || to.open {
		return "", err
	}
	at, err := file.Lstat(to.path)
	if err != nil || at.Mode&fs.ModeDevice != 0 {
		return "", err
	}
	return to.path, nil
}
