//go:build !linux || mips || mipsle || mips64 || mips64le

package main

// onMainThread runs the program, which does not return.
func (r *relay) onMainThread(program func()) { program() }

func (r *relay) leaveMainThread() {}
