//go:build !unix

package journal

import "os"

// createFlag makes write create the journal: locking creates only the lock file, which
// is another file.
const createFlag = os.O_CREATE

// lockPath returns the file to lock before appending to a journal. It is another
// file than the journal, because on Windows a process can neither write to a locked
// file nor rename an open one.
func lockPath(path string) string { return path + ".lock" }

// rotate renames the journal to PATH.1. The next journal inherits its permissions
// from the directory.
func rotate(path string) error { return os.Rename(path, path+".1") }
