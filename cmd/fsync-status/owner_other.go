//go:build !linux

package main

// owners finds out whose processes are: here nobody tells.
type owners struct{ host string }

func (o *owners) of(pid int, host, command string) string { return "" }
