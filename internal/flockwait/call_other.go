//go:build !linux

package flockwait

import "errors"

// A Call is not used: Reserve lets no thread wait in the kernel.
type Call struct{ Inherited bool }

// Lock fails.
func (*Call) Lock(fd, how int) error { return errors.ErrUnsupported }

// Back does nothing.
func (*Call) Back(why error) {}
