//go:build !linux

package filelock

import (
	"errors"

	"github.com/fsync-lock/fsync/internal/file"
)

// block is not called: flockwait.Reserve lets no thread wait in the kernel.
func (t target) block(*handle, int, file.Info, ending) error { return errors.ErrUnsupported }

// isWaitedFor reports whether another process waits at the gate. It is not known:
// waiters that poll do not stand there.
func isWaitedFor(*handle) bool { return false }

func hideWaiter(*handle) {}
