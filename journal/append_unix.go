//go:build unix

package journal

import "syscall"

// openFlags keep an open from following a link and from waiting for the other
// end of a FIFO. The file is made when it is locked.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// guard is the file that is locked to append to a journal: the journal.
func guard(path string) string { return path }
