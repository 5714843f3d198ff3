// Package invalid has an error for what the system accepts and this module does not.
package invalid

import "io/fs"

// Error says why a path, a file or a name cannot be used. For errors.Is it is
// [fs.ErrInvalid].
type Error string

func (e Error) Error() string        { return string(e) }
func (e Error) Is(target error) bool { return target == fs.ErrInvalid }
