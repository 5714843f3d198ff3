//go:build !linux

package main

// kernelLocks returns nothing: this kernel has no list of its locks.
func kernelLocks() string { return "" }
