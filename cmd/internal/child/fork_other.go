//go:build linux && (mips || mipsle || mips64 || mips64le || s390x)

package child

import "errors"

// fork is not written for these architectures: they have another order of the arguments
// of clone(2), or other numbers for signals.
func fork(func()) (int, error) { return 0, errors.ErrUnsupported }
