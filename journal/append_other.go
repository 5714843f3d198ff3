//go:build !unix

package journal

import "os"

const openFlags = os.O_CREATE

// guard is the file that is locked to append to a journal. It is one of its
// own, because here what is locked cannot be written and what is open cannot
// be renamed.
func guard(path string) string { return path + ".lock" }
