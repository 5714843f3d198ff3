//go:build linux && (mips || mipsle || mips64 || mips64le || s390x)

package child

import "errors"

// fork is not written for these: their kernels take the arguments of clone(2)
// in another order, or number signals otherwise.
func fork(func()) (int, error) { return 0, errors.ErrUnsupported }
