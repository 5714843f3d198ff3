package file

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsync-lock/fsync/internal/invalid"
)

// maxLinks is how many symbolic links the kernel follows (path_resolution(7)).
const maxLinks = 40

// Follow follows a path while it ends with a symbolic link, and returns where it
// leads. It calls visit for each link with the text of the link, before it goes on. If
// visit returns [fs.SkipAll], Follow returns the path of that link; it returns any
// other error of visit as it is.
func Follow(path string, visit func(link, text string) error) (string, error) {
	for range maxLinks {
		at, err := Lstat(path)
		if err != nil || !at.Exists || at.Mode&fs.ModeSymlink == 0 {
			return path, err
		}
		text, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		switch err := visit(path, text); err {
		case nil:
		case fs.SkipAll:
			return path, nil
		default:
			return "", err
		}
		if !filepath.IsAbs(text) {
			dir, _ := filepath.Split(path)
			text = dir + text // not cleaned: a link before ".." leads elsewhere
		}
		path = text
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: invalid.Error("it leads through more than 40 symbolic links")}
}
