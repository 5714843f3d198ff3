//go:build !linux

package filelock

import "os"

// kernelMode: these kernels do not tell.
func kernelMode(*os.File) lockMode { return unknownMode }
