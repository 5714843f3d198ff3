package filelock

import (
	"io/fs"
	"path/filepath"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/invalid"
)

// A destination is where a path leads.
type destination struct {
	path  string // not a symbolic link, unless isFD is true
	isFD  bool   // the path is like /dev/fd/9: the kernel opens the file of a descriptor
	viaFD bool   // a path like /dev/fd/9 led here
}

// follow follows a path through symbolic links that only this process's user or
// root can have created.
func follow(path string) (to destination, err error) {
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
	if err == nil && !to.viaFD {
		to.path = end
	}
	return to, err
}

// opened returns the destination of a link to an open file: the path of that file if it
// has one, so that all processes that lock the file use the same gate.
func opened(link, path string) destination {
	here, err := file.Stat(link)
	if there, lookErr := file.Lstat(path); err == nil && lookErr == nil && filepath.IsAbs(path) &&
		here.Exists && there.Exists && here.ID == there.ID {
		return destination{path: path, viaFD: true}
	}
	return destination{path: link, isFD: true, viaFD: true}
}

// gatedPath returns the path of the file to which a path leads. The gate is beside
// that file, so it is the same for all processes, whatever links they follow. The
// path is empty for a device, and for an open file without a name: they have no
// gate.
func gatedPath(path string) (string, error) {
	to, err := follow(path)
	if err != nil || to.isFD {
		return "", err
	}
	at, err := file.Lstat(to.path)
	if err != nil || at.Mode&fs.ModeDevice != 0 {
		return "", err
	}
	return to.path, nil
}
