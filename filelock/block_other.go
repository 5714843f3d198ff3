//go:build !linux

package filelock

import "errors"

// block is not called: flockwait.Reserve lets no thread wait in the kernel.
func (lockFile) block(*hold, int, supervisor) error { return errors.ErrUnsupported }

// isWaitedFor returns false: it is not known whether another process waits at the gate.
// Waiters that poll do not keep the gate open.
func isWaitedFor(*hold) bool { return false }

func hideWaiter(*hold) {}
