package child

import (
	"errors"
	"io/fs"
	"os/exec"
)

// Reason leaves out of an error what the message says anyway.
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
