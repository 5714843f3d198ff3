package child

import (
	"errors"
	"io/fs"
	"os/exec"
)

// Reason returns an error without the operation and the path, which the message
// has already.
func Reason(err error) error {
	var execErr *exec.Error
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &execErr):
		return execErr.Err
	case errors.As(err, &pathErr):
		return pathErr.Err
	}
	return err
}
