package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// executable returns the path of this program. [os.Executable] reads it from
// /proc; where there is none, the kernel has left us the path that it executed,
// which a process that has not changed its directory may use (getauxval(3)).
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
