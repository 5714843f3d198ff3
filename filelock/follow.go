package filelock

import (
	"io/fs"
	"os"
	"path/filepath"
)

// AnyFile lets the lock be on what flock(1) takes and a Lock refuses otherwise.
//
// A device is locked like a file; its node is, so two nodes of one device are
// two locks. Opening some devices has effects: a tape rewinds, a watchdog
// starts.
//
// A symbolic link at the end of the path is followed if nobody else can have put
// it there: it belongs to this process's user or to root, and so does the
// directory that it is in, which nobody else may write to unless it is sticky,
// as /tmp is. If the link leads to another one, that is held to the same. The
// file that it leads to is locked, and made if it is missing. It is the file at
// the path for as long as the link leads there: where that changes during a
// wait, the wait goes on for the new one. Any other link is an error that is
// [fs.ErrInvalid].
//
// A path such as /dev/fd/9 or /dev/stdin, by which the kernel opens anew what a
// process has open, is taken as well, whatever that is.
//
// A FIFO by name is refused still: its writers would take this process for a
// reader. The option means nothing to a [Semaphore].
func AnyFile() Option { return func(c *config) { c.anyFile = true } }

// maxLinks is how many links are followed, as the kernel has it
// (path_resolution(7)).
const maxLinks = 40

// A way is where a path leads.
type way struct {
	path string // of no symbolic link, unless open
	open bool   // it is one by which the kernel opens what a process has open
}

// follow returns where a path leads through symbolic links that only this
// process's user or root can have put there.
func follow(path string) (way, error) {
	for range maxLinks {
		at, err := lookAt(path)
		if err != nil || !at.exists || at.mode&fs.ModeSymlink == 0 {
			return way{path: path}, err
		}
		to, err := os.Readlink(path)
		if err != nil {
			return way{}, err
		}
		dir, _ := filepath.Split(path)
		if isProcess(dir) {
			return opened(path, to), nil
		}
		if why := distrustLink(path, dir); why != "" {
			return way{}, &fs.PathError{Op: "open", Path: path, Err: linkError(why)}
		}
		if !filepath.IsAbs(to) {
			to = dir + to // not cleaned: a link before ".." leads elsewhere
		}
		path = to
	}
	return way{}, &fs.PathError{Op: "open", Path: path, Err: linkError("it is one of too many symbolic links")}
}

// opened returns the path of a file that a process has open, if it has one;
// then all that lock it pass one gate.
func opened(link, path string) way {
	here, err := lookThrough(link)
	if there, lookErr := lookAt(path); err == nil && lookErr == nil && filepath.IsAbs(path) &&
		here.exists && there.exists && sameFile(here.file, there.file) {
		return way{path: path}
	}
	return way{path: link, open: true}
}

// linkError is why a link is not followed.
type linkError string

func (e linkError) Error() string        { return string(e) }
func (e linkError) Is(target error) bool { return target == fs.ErrInvalid }

// gatedPath returns the path of the file that a path leads to, beside which its
// gate is: one for all that lock it, whatever links they follow. It is empty for
// a device, and for what is open without a name: they have no gate.
func gatedPath(path string) (string, error) {
	to, err := follow(path)
	if err != nil || to.open {
		return "", err
	}
	at, err := lookAt(to.path)
	if err != nil || at.mode&fs.ModeDevice != 0 {
		return "", err
	}
	return to.path, nil
}
