//go:build unix

package journal

import "syscall"

// openFlags let an open neither follow a link nor wait for the other end of a
// FIFO. Without O_CREATE: locking makes the file.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// guard returns the file to lock before appending to a journal: the journal
// itself.
func guard(path string) string { return path }
