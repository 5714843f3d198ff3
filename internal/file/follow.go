package file

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsync-lock/fsync/internal/invalid"
)

// maxLinks is how many symbolic links the kernel follows (path_resolution(7)).
const maxLinks = 40

// Follow follows the symbolic links at the end of a path, one after the other, and returns
// the first path at which there is no link. Before it follows a link, it calls visit with
// the path and the text of the link. If visit returns [fs.SkipAll], Follow returns the path
// of that link. It returns any other error of visit.
func Follow(path string, visit func(link, text string) error) (string, error) {
	for range maxLinks {
		at, err := Lstat(path)
		if at.Mode&fs.ModeSymlink == 0 { // or there is no file, or an error
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
			text = dir + text // not cleaned, because the part before a ".." may be a link
		}
		path = text
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: invalid.Error("it leads through more than 40 symbolic links")}
}
