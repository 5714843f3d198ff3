//go:build !linux

package filelock

// A dirID identifies a directory. A later directory may get the same identity; then it
// is taken for one that was resized.
type dirID struct {
	file  fileID
	known bool
}

func (id dirID) is(other dirID) bool { return id.known && sameFile(id.file, other.file) }

func dirAt(path string) (dirID, error) {
	at, err := lookThrough(path)
	return dirID{at.file, at.exists}, err
}

// A stamp identifies a file and its content. There are none on this system.
type stamp struct{}

func stampOf(string) (s stamp, ok bool) { return stamp{}, false }
