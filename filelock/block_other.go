//go:build !linux

package filelock

import (
	"errors"

	"github.com/fsync-lock/fsync/internal/file"
)

// block is not called: flockwait.Reserve lets no thread wait in the kernel.
func (lockFile) block(*hold, int, file.Info, supervisor) error { return errors.ErrUnsupported }

// isWaitedFor reports whether another process waits at the gate. It is not known:
// waiters that poll do not stand there.
func isWaitedFor(*hold) bool { return false }

func hideWaiter(*hold) {}
