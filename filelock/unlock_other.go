//go:build !unix || aix || (solaris && !illumos)

package filelock

import (
	"errors"
	"os"
)

// unlockOpen does nothing: the lock is of another kind. gofrs/flock releases it.
func unlockOpen(*os.File) error { return errors.ErrUnsupported }
