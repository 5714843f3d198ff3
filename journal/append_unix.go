//go:build unix

package journal

// createFlag is 0: locking the journal creates it. If the journal was removed after
// that, write must fail, because a new file would not be locked.
const createFlag = 0

// lockPath returns the file to lock before appending to a journal: the journal
// itself.
func lockPath(path string) string { return path }
