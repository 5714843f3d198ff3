//go:build !linux

package filelock

// A birthID identifies a file or a directory. A later one may get the same identity:
// then it is taken for the former.
type birthID struct {
	file  fileID
	known bool
}

func (id birthID) is(other birthID) bool { return id.known && sameFile(id.file, other.file) }

func birthAt(path string, flags int) (birthID, error) {
	look := lookThrough
	if flags&noFollow != 0 {
		look = lookAt
	}
	at, err := look(path)
	return birthID{at.file, at.exists}, err
}
