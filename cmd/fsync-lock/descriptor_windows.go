package main

import (
	"errors"

	"github.com/fsync-lock/fsync/filelock"
)

// A descriptor would be a lock on a file that the shell has open.
type descriptor struct{ *filelock.Lock }

func newDescriptor(int, bool) (lock, error) {
	return nil, statusError{exitUsage, errors.New("on Windows a descriptor of the shell cannot be locked")}
}

func (*descriptor) unlock() error { return errors.ErrUnsupported }
