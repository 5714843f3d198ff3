package fskind

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Of returns the kind of the file system that a path is on.
func Of(dir string) Kind {
	path, err := filepath.Abs(dir)
	if err != nil {
		return Kind{}
	}
	from, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return Kind{}
	}
	root := make([]uint16, len(path)+2)
	if err := windows.GetVolumePathName(from, &root[0], uint32(len(root))); err != nil {
		return Kind{}
	}
	if windows.GetDriveType(&root[0]) == windows.DRIVE_REMOTE {
		return network("network drive")
	}
	return Kind{}
}
