//go:build !unix

package fileevent

import (
	"io/fs"
	"os"
)

const openFlags = 0

func names(fs.FileInfo) uint64 { return 1 }

// What is made in a directory inherits its permissions by itself on Windows.
func inherit(*os.File, fs.FileInfo, fs.FileMode) {}

func inheritDir(string, fs.FileInfo) error { return nil }
