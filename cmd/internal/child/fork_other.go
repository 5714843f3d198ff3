//go:build linux && (mips || mipsle || mips64 || mips64le || s390x)

package child

import "errors"

// fork is not implemented for these architectures: clone(2) has its arguments in another
// order, or signals have other numbers.
func fork(func()) (int, error) { return 0, errors.ErrUnsupported }
