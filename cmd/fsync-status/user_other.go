//go:build !linux

package main

// users would find the users of processes, but only Linux tells them.
type users struct{ host string }

func (u *users) of(pid int, host, command string) string { return "" }
