//go:build !linux

package main

// checkGiven would refuse the path of a descriptor that the shell does not have.
func checkGiven(string) error { return nil }
