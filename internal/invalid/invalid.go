// Package invalid has the error for paths, files and names that the system accepts and
// this module refuses.
package invalid

import "io/fs"

// Error says why a path, a file or a name cannot be used. It is [fs.ErrInvalid].
type Error string

func (e Error) Error() string        { return string(e) }
func (e Error) Is(target error) bool { return target == fs.ErrInvalid }
