//go:build !linux

package flockwait

import "errors"

// A Call is not used on this system: Reserve always fails.
type Call struct{ Inherited bool }

// Lock fails.
func (*Call) Lock(fd, how int) error { return errors.ErrUnsupported }

// Back does nothing.
func (*Call) Back(why error) {}
