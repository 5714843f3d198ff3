//go:build aix || windows

package main

import (
	"errors"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/filelock"
)

// On these systems a descriptor cannot be locked: AIX has no flock(2).
type descriptor struct{ *filelock.Lock }

func newDescriptor(int, bool, func()) (lock, error) {
	return nil, cli.WithStatus(cli.ExitUsage, errors.New("on this system a descriptor of the shell cannot be locked"))
}

func (*descriptor) unlock() error { return errors.ErrUnsupported }
