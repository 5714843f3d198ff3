// Package file tells which file is at a path, and opens files in directories where
// other users may put links, FIFOs and devices.
package file

import (
	"io/fs"
	"os"
	"time"
)

// An ID identifies a file among those that exist now, whatever its path. After a file
// was removed, the system may give its ID to a new one; see [Info.Is].
type ID struct {
	Dev uint64 // the device; on Windows the volume
	Ino uint64 // the number of the file on that device
}

// An Info describes a file. The zero Info means that no file is there. Two Infos are
// equal if they describe the same file, and nothing in them has changed.
type Info struct {
	Exists  bool
	Mode    fs.FileMode
	ID      ID
	Size    int64
	Links   uint64 // the number of its names
	ModTime time.Time
	Changed time.Time // when its content, owner, mode or names last changed (ctime); zero on Windows

	// Born is when the file was created. Only [LstatBirth], [StatBirth] and
	// [BirthOf] ask for it. It is zero if the file system does not keep it, and on
	// systems other than Linux.
	Born time.Time
}

// Is reports whether both describe the same existing file. Either both must have been
// asked for the time of birth, or neither. With that time, Is tells a file from a later
// file with the same ID, if the file system keeps such times.
func (i Info) Is(other Info) bool {
	return i.Exists && other.Exists && i.ID == other.ID && i.Born.Equal(other.Born)
}

// Lstat describes the file at the path. It does not follow a symbolic link at the end
// of the path. A missing file is no error; any error is an [*fs.PathError].
//
// Lstat is for code that runs often: on Unix it allocates only a copy of the path.
func Lstat(path string) (Info, error) { return lstat(path) }

// Stat describes the file to which the path leads, through symbolic links. A missing
// file is no error, and neither is a link that leads nowhere.
func Stat(path string) (Info, error) { return stat(path) }

// Of describes an open file.
func Of(f *os.File) (Info, error) { return fstat(f) }

// LstatBirth is [Lstat] with the time of birth. It is slower on a network file system,
// because it asks the server.
func LstatBirth(path string) (Info, error) { return lstatBirth(path) }

// StatBirth is [Stat] with the time of birth, as slow as [LstatBirth].
func StatBirth(path string) (Info, error) { return statBirth(path) }

// BirthOf is [Of] with the time of birth. It does not ask the server of a network
// file system, because opening the file has asked it.
func BirthOf(f *os.File) (Info, error) { return birthOf(f) }
