//go:build !linux

package main

import (
	"errors"
	"io/fs"
	"os/exec"
)

// reason leaves out of an error what the message says anyway.
func reason(err error) error {
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
