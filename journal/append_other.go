//go:build !unix

package journal

import "os"

const openFlags = os.O_CREATE

// guard is the file that is locked to append to a journal. It is one of its
// own, because here what is locked cannot be written and what is open cannot
// be renamed.
func guard(path string) string { return path + ".lock" }

// rotate renames the journal to PATH.1. The next one inherits its permissions
// from the directory.
func rotate(path string) error { return os.Rename(path, path+".1") }
