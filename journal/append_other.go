//go:build !unix

package journal

import "os"

const openFlags = os.O_CREATE

// guard returns the file to lock before appending to a journal. It is another
// file than the journal, because Windows does not let a process write a locked
// file or rename an open one.
func guard(path string) string { return path + ".lock" }

// rotate renames the journal to PATH.1. The next one inherits its permissions
// from the directory.
func rotate(path string) error { return os.Rename(path, path+".1") }
