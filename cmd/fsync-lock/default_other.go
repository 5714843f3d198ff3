//go:build !linux || mips || mipsle || mips64 || mips64le

package main

import "syscall"

// setDefault leaves it to the Go runtime what an uncaught signal does.
func setDefault(syscall.Signal) {}
