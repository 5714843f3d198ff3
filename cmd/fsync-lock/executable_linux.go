package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// executable returns the path of this program. [os.Executable] reads it from /proc.
// Without /proc it is the path that the kernel executed (getauxval(3)). That path
// may be relative, and fsync-lock does not change its working directory.
func executable() (string, error) {
	path, err := os.Executable()
	if err == nil {
		return path, nil
	}
	auxv, auxErr := unix.Auxv()
	if auxErr != nil {
		return "", err
	}
	for i := range auxv {
		if auxv[i][0] == atExecfn {
			return unix.BytePtrToString(*(**byte)(unsafe.Pointer(&auxv[i][1]))), nil
		}
	}
	return "", err
}

const atExecfn = 31 // AT_EXECFN in linux/auxvec.h
